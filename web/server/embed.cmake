# cmake -DIN=index.html -DOUT=page_data.c -P embed.cmake: a file as a C array.
file(READ "${IN}" bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE "${OUT}" "#include \"server/page.h\"\n\nconst unsigned char web_page_data[] = {\n${bytes}};\n"
    "const size_t web_page_size = sizeof web_page_data;\n")
