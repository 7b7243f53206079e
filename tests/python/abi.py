"""Writes a C program that compares drn/_abi.py with the headers: offsets and sizes of every field.

Structures may have grown at their end, within the room that _abi.py leaves."""

import ctypes

import drn._abi as abi

print("#include <drn/drn.h>\n#include <stdio.h>\n#include <stddef.h>\n")
print("#define SAME(what, here, there) do { if ((size_t)(here) != (there)) "
      '{ printf("%s: C %zu, Python %d\\n", what, (size_t)(here), (int)(there)); bad = 1; } } while (0)\n')
print("int main(void)\n{\n    int bad = 0;")
fields = 0
for s in abi.STRUCTURES:
    name = s._c_name_
    print('    if (sizeof(%s) > %d)' % (name, ctypes.sizeof(s)))
    print('        bad = 1, printf("sizeof %s: C %%zu, Python only %d\\n", sizeof(%s));' % (name, ctypes.sizeof(s), name))
    print('    if (sizeof(%s) - %d >= 8)' % (name, s._more.offset))
    print('        printf("note: %s has fields that Python does not know\\n");' % name)
    for field, kind in s._fields_[:-1]:
        at = getattr(s, field)
        what = "%s.%s" % (name, field)
        print('    SAME("offset of %s", offsetof(%s, %s), %d);' % (what, name, field, at.offset))
        print('    SAME("size of %s", sizeof ((%s *)0)->%s, %d);' % (what, name, field, at.size))
        fields += 1
for name in abi.FUNCTIONS:
    print("    (void)%s;" % name)
print('    printf("%d structures, %d fields\\n");' % (len(abi.STRUCTURES), fields))
print("    return bad;\n}")
