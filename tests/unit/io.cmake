drn_test(half SOURCES test_half.c DEPS io)
drn_test(safetensors SOURCES test_safetensors.c DEPS io)
