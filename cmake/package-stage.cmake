# Run by cpack on the folders that become packages, one each: what Debian wants otherwise than cmake --install.
if(NOT CPACK_GENERATOR STREQUAL "DEB")
    return()
endif()
foreach(component ${CPACK_COMPONENTS_ALL})
    set(usr "${CPACK_TEMPORARY_DIRECTORY}/${component}/usr")
    string(TOUPPER "${component}" upper)
    set(doc "${usr}/share/doc/${CPACK_DEBIAN_${upper}_PACKAGE_NAME}")
    file(MAKE_DIRECTORY "${doc}")

    # one licence file, under its own name
    file(REMOVE "${usr}/share/doc/drn/LICENSE")
    file(READ "${CPACK_DRN_SOURCE}/LICENSE" licence)
    string(REGEX REPLACE "^MIT License\n+(Copyright [^\n]*)\n+" "" licence "${licence}")
    string(REGEX REPLACE "^Copyright \\(c\\) " "" holder "${CMAKE_MATCH_1}")
    string(STRIP "${licence}" licence)
    string(REGEX REPLACE "\n\n" "\n.\n" licence "${licence}")
    string(REGEX REPLACE "\n" "\n " licence "${licence}")
    file(WRITE "${doc}/copyright"
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: drn\n\n"
        "Files: *\nCopyright: ${holder}\nLicense: Expat\n ${licence}\n")

    # examples of libdrn-dev lie in its own folder
    if(component STREQUAL "development" AND EXISTS "${usr}/share/doc/drn/examples")
        file(RENAME "${usr}/share/doc/drn/examples" "${doc}/examples")
        file(REMOVE_RECURSE "${usr}/share/doc/drn")
    endif()
    if(EXISTS "${usr}/share/zsh/site-functions")
        file(MAKE_DIRECTORY "${usr}/share/zsh/vendor-completions")
        file(RENAME "${usr}/share/zsh/site-functions/_drn" "${usr}/share/zsh/vendor-completions/_drn")
        file(REMOVE_RECURSE "${usr}/share/zsh/site-functions")
    endif()

    file(COPY_FILE "${CPACK_DRN_SOURCE}/CHANGELOG.md" "${doc}/changelog")
    file(REMOVE "${usr}/share/doc/drn/CHANGELOG.md")
    file(GLOB plain "${usr}/share/man/man1/*.1" "${doc}/changelog")
    if(plain)
        execute_process(COMMAND gzip -9n ${plain} COMMAND_ERROR_IS_FATAL ANY)
    endif()
endforeach()
