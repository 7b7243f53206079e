drn_test(stream SOURCES test_stream.c DEPS models)
