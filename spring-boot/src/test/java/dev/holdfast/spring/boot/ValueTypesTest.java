package dev.holdfast.spring.boot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Type;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.springframework.core.ResolvableType;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

class ValueTypesTest {
    interface Methods<T> {
        int number();

        void nothing();

        Optional<User> optional();

        CompletableFuture<User> future();

        CompletableFuture<Optional<User>> futureOptional();

        Mono<User> mono();

        Mono<Void> done();

        Flux<User> flux();

        List<? extends User> list();

        Map<String, List<T>> nested();

        T variable();

        Object object();

        @SuppressWarnings("rawtypes")
        List raw();

        byte[] bytes();

        User user();
    }

    interface OfUsers extends Methods<User> {}

    private static Type type(String method) throws NoSuchMethodException {
        return ValueTypes.of(ResolvableType.forMethodReturnType(Methods.class.getMethod(method), OfUsers.class));
    }

    private static Type parsed(String name) {
        return TypeNames.parse(name, ValueTypesTest.class.getClassLoader());
    }

    @Test
    void whatIsAroundAValueIsTakenOff() throws NoSuchMethodException {
        for (String method : List.of("optional", "future", "futureOptional", "mono", "user", "variable")) {
            assertEquals(User.class, type(method), method);
        }
        assertEquals(Integer.class, type("number"));
        assertEquals(byte[].class, type("bytes"));
    }

    @Test
    void whatSeveralValuesComeInIsAList() throws NoSuchMethodException {
        Type users = parsed("java.util.List<" + User.class.getName() + '>');
        assertEquals(users, type("flux"));
        assertEquals(users, type("list"));
        assertEquals(
                parsed("java.util.Map<java.lang.String, java.util.List<" + User.class.getName() + ">>"),
                type("nested"));
    }

    @Test
    void whatHasNoValueHasNoType() throws NoSuchMethodException {
        assertNull(type("nothing"));
        assertNull(type("done"));
    }

    @Test
    void whatDoesNotSayWhatItHoldsCannotBeRead() throws NoSuchMethodException {
        assertFalse(ValueTypes.isReadable(type("object")));
        assertFalse(ValueTypes.isReadable(type("raw")));
        assertTrue(ValueTypes.isReadable(type("user")));
        assertTrue(ValueTypes.isReadable(type("nested")));
        assertTrue(ValueTypes.isReadable(type("bytes")));
    }

    @Test
    void aMalformedNameIsRefused() {
        for (String name : List.of(
                "",
                "com.example.Missing",
                "java.util.List<",
                "java.util.List<>",
                "java.util.Map<java.lang.String>",
                "java.util.List<java.lang.String>x")) {
            assertThrows(IllegalArgumentException.class, () -> parsed(name), name);
        }
    }
}
