# cmake --install: four components, which are the Debian packages of DrnPackage.cmake too.
#   program      drn, its manual and completion, recipes, documents
#   runtime      libdrn.so.0
#   development  headers, libdrn.so, libdrn.a, pkg-config file, CMake package, examples
#   python       the Python package
include(CMakePackageConfigHelpers)
set(drn_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/drn")

install(TARGETS drn RUNTIME COMPONENT program)
install(TARGETS drn_shared EXPORT drnTargets
    LIBRARY COMPONENT runtime NAMELINK_COMPONENT development)
install(TARGETS drn_static ARCHIVE COMPONENT development)
install(FILES ${drn_headers} DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/drn" COMPONENT development)

# What a static link needs besides: -l names and flags.
get_property(libs GLOBAL PROPERTY DRN_LIBS)
set(drn_static_libs)
foreach(lib IN LISTS libs)
    if(NOT lib MATCHES "cuda" AND lib MATCHES "^/.*/lib([^/]+)\\.(a|so)[.0-9]*$")
        list(APPEND drn_static_libs "-l${CMAKE_MATCH_1}")
    elseif(lib MATCHES "^[/-]")
        list(APPEND drn_static_libs "${lib}")
    elseif(NOT lib MATCHES "::")
        list(APPEND drn_static_libs "-l${lib}")
    endif()
endforeach()
if(DRN_CUDA)
    list(APPEND drn_static_libs -lstdc++) # of what nvcc compiles
endif()
list(APPEND drn_static_libs -pthread -lm)
list(REMOVE_DUPLICATES drn_static_libs)
list(JOIN drn_static_libs " " drn_static_flags)

# Both files find the rest from where they lie, so an installed tree may be moved.
file(RELATIVE_PATH drn_pc_prefix "/p/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/p")
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(drn_pc_prefix "${CMAKE_INSTALL_PREFIX}")
    set(drn_pc_libdir "${CMAKE_INSTALL_FULL_LIBDIR}")
    set(drn_pc_includedir "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
else()
    set(drn_pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
    set(drn_pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
    set(drn_pc_prefix "\${pcfiledir}/${drn_pc_prefix}")
    string(REGEX REPLACE "/$" "" drn_pc_prefix "${drn_pc_prefix}")
endif()
configure_file(cmake/drn.pc.in drn.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/drn.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT development)

configure_package_config_file(cmake/drnConfig.cmake.in drnConfig.cmake INSTALL_DESTINATION "${drn_cmake_dir}"
    PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(drnConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/drnConfig.cmake" "${PROJECT_BINARY_DIR}/drnConfigVersion.cmake"
    DESTINATION "${drn_cmake_dir}" COMPONENT development)
install(EXPORT drnTargets NAMESPACE drn:: DESTINATION "${drn_cmake_dir}" COMPONENT development)

install(DIRECTORY recipes DESTINATION "${CMAKE_INSTALL_DATADIR}/drn" COMPONENT program FILES_MATCHING PATTERN "*.yaml")
# The places they have in the checkout, so that links between them lead somewhere; without the pictures, which have
# licences of their own.
install(FILES README.md ARCHITECTURE.md CHANGELOG.md CONTRIBUTING.md SPEED.md LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}"
    COMPONENT program)
install(FILES docs/numerics.md DESTINATION "${CMAKE_INSTALL_DOCDIR}/docs" COMPONENT program)
install(DIRECTORY docs/user DESTINATION "${CMAKE_INSTALL_DOCDIR}/docs" COMPONENT program)
file(GLOB drn_results docs/results/*.md)
install(FILES ${drn_results} DESTINATION "${CMAKE_INSTALL_DOCDIR}/docs/results" COMPONENT program)
install(DIRECTORY weights DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT program FILES_MATCHING PATTERN "*.md")
install(DIRECTORY examples DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT development FILES_MATCHING PATTERN "*.c" PATTERN "*.sbatch")

set(DRN_PYTHON_DIR "lib/python3/dist-packages" CACHE STRING "Where the Python package goes, below the prefix")
install(DIRECTORY python/drn DESTINATION "${DRN_PYTHON_DIR}" COMPONENT python FILES_MATCHING PATTERN "*.py"
    PATTERN "__pycache__" EXCLUDE)
