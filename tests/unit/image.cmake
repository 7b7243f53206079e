drn_test(imresize SOURCES test_imresize.c DEPS image)
drn_test(image SOURCES test_image.c test_image_files.c test_image_memory.c DEPS image)
drn_test(lossy SOURCES test_lossy.c DEPS image)
drn_test(metrics SOURCES test_metrics.c DEPS metrics image)
