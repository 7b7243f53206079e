# A room is a folder under src/: one static library that may use only the rooms named as DEPS.
# All rooms together make libdrn (DrnLibrary.cmake).

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
    "$<$<COMPILE_LANGUAGE:C>:${drn_warnings}>"
    "$<$<COMPILE_LANGUAGE:C,CXX>:-fno-math-errno;-fno-trapping-math;-ffp-contract=off>")
target_link_libraries(drn_options INTERFACE Threads::Threads m)
if(DRN_WERROR)
    target_compile_options(drn_options INTERFACE $<$<COMPILE_LANGUAGE:C>:-Werror>)
endif()
if(DRN_SANITIZE)
    target_compile_options(drn_options INTERFACE
        "$<$<COMPILE_LANGUAGE:C,CXX>:-fsanitize=${DRN_SANITIZE};-fno-omit-frame-pointer;-fno-sanitize-recover=all>")
    target_link_options(drn_options INTERFACE -fsanitize=${DRN_SANITIZE})
endif()

# drn_part(NAME VERSION PURPOSE): a row of drn_build_part().  VERSION: OFF when built without, "" when unknown.
# No semicolons in it.
function(drn_part name version purpose)
    if(version STREQUAL "OFF")
        set(version NULL)
    else()
        set(version "\"${version}\"")
    endif()
    set_property(TARGET drn_options APPEND PROPERTY DRN_PARTS "    {\"${name}\", ${version}, \"${purpose}\"},")
endfunction()

# What libdrn's users must link when they link it statically: the rooms' LIBS as file names and flags.
function(drn_note_libs)
    foreach(lib IN LISTS ARGN)
        if(TARGET "${lib}")
            get_target_property(below "${lib}" INTERFACE_LINK_LIBRARIES)
            get_target_property(kind "${lib}" TYPE)
            if(below)
                drn_note_libs(${below})
            endif()
            if(kind STREQUAL "STATIC_LIBRARY" OR kind STREQUAL "SHARED_LIBRARY" OR kind STREQUAL "UNKNOWN_LIBRARY")
                get_target_property(file "${lib}" IMPORTED_LOCATION)
                if(file)
                    drn_note_libs("${file}")
                endif()
            endif()
        elseif(NOT lib MATCHES "^-Wl,|^\\$<")
            set_property(GLOBAL APPEND PROPERTY DRN_LIBS "${lib}")
        endif()
    endforeach()
endfunction()

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
    set_property(GLOBAL APPEND PROPERTY DRN_ROOMS ${name})
    drn_note_libs(${ARG_LIBS})
endfunction()
