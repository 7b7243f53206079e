drn_test(rademacher SOURCES test_rademacher.c DEPS study)
