# libdrn: the objects of all rooms as libdrn.so.0, of which only what include/drn declares is visible, and as
# one archive libdrn.a.
get_property(drn_rooms GLOBAL PROPERTY DRN_ROOMS)
set(drn_objects)
set(drn_room_targets)
foreach(room IN LISTS drn_rooms)
    list(APPEND drn_objects $<TARGET_OBJECTS:drn_${room}>)
    list(APPEND drn_room_targets drn_${room})
endforeach()
file(GLOB drn_headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/drn/*.h") # the one glob: what is public

# The version script comes from the headers; tests/dist/symbols.sh asks the compiler and the linker's result.
set(drn_map "${PROJECT_BINARY_DIR}/libdrn.map")
set(drn_map_script "${PROJECT_SOURCE_DIR}/cmake/libdrn-map.cmake")
add_custom_command(OUTPUT "${drn_map}" "${drn_map}.names" DEPENDS ${drn_headers} "${drn_map_script}"
    COMMAND ${CMAKE_COMMAND} "-DOUT=${drn_map}" "-DNODE=DRN_${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}"
        "-DHEADERS=${drn_headers}" -P "${drn_map_script}" VERBATIM
    COMMENT "Listing the public symbols")
add_custom_target(drn_map DEPENDS "${drn_map}")

add_library(drn_shared SHARED ${drn_objects})
# The archive holds one object in which all other names are local, so that they meet nobody else's.
set(drn_one "${PROJECT_BINARY_DIR}/libdrn.o")
add_custom_command(OUTPUT "${drn_one}" DEPENDS ${drn_objects} "${drn_map}.names"
    COMMAND ${CMAKE_LINKER} -r -o "${drn_one}" ${drn_objects}
    COMMAND ${CMAKE_OBJCOPY} "--keep-global-symbols=${drn_map}.names" "${drn_one}"
    COMMAND_EXPAND_LISTS VERBATIM COMMENT "Joining the rooms")
add_library(drn_static STATIC "${drn_one}")
set_source_files_properties("${drn_one}" PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
add_library(drn::drn ALIAS drn_shared)
foreach(target drn_shared drn_static)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME drn LINKER_LANGUAGE C
        LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}" ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
    target_include_directories(${target} INTERFACE
        "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
endforeach()
set_target_properties(drn_shared PROPERTIES EXPORT_NAME drn SOVERSION ${PROJECT_VERSION_MAJOR} VERSION ${PROJECT_VERSION}
    LINK_DEPENDS "${drn_map}")
add_dependencies(drn_shared drn_map)
target_link_libraries(drn_shared PRIVATE ${drn_room_targets})
target_link_options(drn_shared PRIVATE "LINKER:--version-script=${drn_map}" "LINKER:-Bsymbolic-functions")
if(NOT DRN_SANITIZE)
    target_link_options(drn_shared PRIVATE LINKER:--no-undefined)
endif()
