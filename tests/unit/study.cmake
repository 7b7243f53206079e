drn_test(rademacher SOURCES test_rademacher.c DEPS study)
drn_test(study_parts SOURCES test_study_parts.c DEPS study)
drn_test(study SOURCES test_study.c DEPS study)
