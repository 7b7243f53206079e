drn_test(recipe SOURCES test_recipe.c DEPS train)
target_compile_definitions(test_recipe PRIVATE RECIPES_DIR="${PROJECT_SOURCE_DIR}/recipes")
drn_test(train SOURCES test_train.c DEPS train)
drn_test(trainer SOURCES test_trainer.c DEPS train)
