drn_test(system SOURCES test_system.c DEPS system)
