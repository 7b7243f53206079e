# Builds for 64-bit ARM with Debian's cross compiler; tests run under qemu-user where it is installed.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)

# Libraries and headers of the target only, programs of the host only.
set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)

find_program(DRN_QEMU NAMES qemu-aarch64 qemu-aarch64-static)
if(DRN_QEMU)
    set(CMAKE_CROSSCOMPILING_EMULATOR "${DRN_QEMU};-L;/usr/aarch64-linux-gnu")
endif()
