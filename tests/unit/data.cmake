drn_test(manifest SOURCES test_manifest.c DEPS data)
drn_test(data SOURCES test_data.c DEPS data)
drn_test(loader SOURCES test_loader.c DEPS data)
