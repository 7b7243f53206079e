# A room is a folder under src/: one static library that may use only the rooms named as DEPS.
# All rooms together make libdrn.

find_package(Threads REQUIRED)
if(NOT DRN_KERNELS_ONLY)
    find_package(PkgConfig REQUIRED)
endif()

add_library(drn_options INTERFACE)
target_compile_features(drn_options INTERFACE c_std_17)
target_compile_definitions(drn_options INTERFACE _GNU_SOURCE DRN_VERSION_STRING="${PROJECT_VERSION}")
target_include_directories(drn_options INTERFACE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
set(drn_warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wdouble-promotion -Wstrict-prototypes -Wvla
    -Wformat=2)
target_compile_options(drn_options INTERFACE
    "$<$<COMPILE_LANGUAGE:C>:${drn_warnings}>" "$<$<COMPILE_LANGUAGE:C,CXX>:-fno-math-errno;-ffp-contract=off>")
target_link_libraries(drn_options INTERFACE Threads::Threads m)
if(DRN_WERROR)
    target_compile_options(drn_options INTERFACE $<$<COMPILE_LANGUAGE:C>:-Werror>)
endif()
if(DRN_SANITIZE)
    target_compile_options(drn_options INTERFACE
        "$<$<COMPILE_LANGUAGE:C,CXX>:-fsanitize=${DRN_SANITIZE};-fno-omit-frame-pointer;-fno-sanitize-recover=all>")
    target_link_options(drn_options INTERFACE -fsanitize=${DRN_SANITIZE})
endif()

# drn_room(NAME SOURCES file... [DEPS room...] [LIBS target...])
function(drn_room name)
    cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LIBS" ${ARGN})
    add_library(drn_${name} STATIC ${ARG_SOURCES})
    set_target_properties(drn_${name} PROPERTIES C_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
    set(deps drn_options)
    foreach(dep IN LISTS ARG_DEPS)
        list(APPEND deps drn_${dep})
    endforeach()
    target_link_libraries(drn_${name} PUBLIC ${deps} ${ARG_LIBS})
endfunction()
