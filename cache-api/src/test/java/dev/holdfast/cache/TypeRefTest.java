package dev.holdfast.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

class TypeRefTest {
    private static final TypeRef<List<String>> LITERAL = new TypeRef<>() {};

    @Test
    void aTypeThatIsKnownAtRunTimeIsTheSameReference() {
        TypeRef<?> known = TypeRef.of(LITERAL.type());

        assertEquals(LITERAL, known);
        assertEquals(LITERAL.hashCode(), known.hashCode());
        assertEquals("java.util.List<java.lang.String>", known.toString());
        assertNotEquals(LITERAL, TypeRef.of(String.class));
        assertThrows(NullPointerException.class, () -> TypeRef.of(null));
    }
}
