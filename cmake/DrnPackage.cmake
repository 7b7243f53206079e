# cpack -G DEB: drn, libdrn0, libdrn-dev, python3-drn and, with MPI, drn-mpi.  Configure with CMAKE_INSTALL_PREFIX=/usr to get the
# multiarch folders; the packages go to /usr in any case.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME drn)
set(CPACK_PACKAGE_CONTACT "drn contributors <drn@example.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program runtime development python)
set(CPACK_PRE_BUILD_SCRIPTS "${PROJECT_SOURCE_DIR}/cmake/package-stage.cmake")
set(CPACK_DRN_SOURCE "${PROJECT_SOURCE_DIR}")

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(what "drn enlarges photographs two, four and more times with the dual reconstruction network of arXiv 1809.07099; a trained model is inside.")

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME drn)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION graphics)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
if(DRN_WITH_FFMPEG)
    set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS ffmpeg) # its libraries are loaded when a film comes
endif()
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION "${what} This is the program: it enlarges files and folders, serves a local page for the browser, measures, and trains.")

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME libdrn${PROJECT_VERSION_MAJOR})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "${what} This is the library.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libdrn-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libdrn${PROJECT_VERSION_MAJOR} (= ${PROJECT_VERSION})")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "${what} These are the headers, the archive for static linking, pkg-config file, CMake package and examples.")

set(CPACK_DEBIAN_PYTHON_PACKAGE_NAME python3-drn)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SECTION python)
set(CPACK_DEBIAN_PYTHON_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS "python3 (>= 3.9), python3-numpy, libdrn${PROJECT_VERSION_MAJOR} (>= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_PYTHON_PACKAGE_SUGGESTS python3-pil)
set(CPACK_COMPONENT_PYTHON_DESCRIPTION "${what} This calls the library for numpy arrays.")

if(TARGET drn_mpi)
    list(APPEND CPACK_COMPONENTS_ALL mpi)
    set(CPACK_DEBIAN_MPI_PACKAGE_NAME drn-mpi)
    set(CPACK_DEBIAN_MPI_PACKAGE_SECTION graphics)
    set(CPACK_DEBIAN_MPI_PACKAGE_SHLIBDEPS ON)
    set(CPACK_DEBIAN_MPI_PACKAGE_DEPENDS "drn (= ${PROJECT_VERSION})")
    set(CPACK_COMPONENT_MPI_DESCRIPTION "${what} This lets several processes under mpirun work as one.")
endif()

include(CPack)
