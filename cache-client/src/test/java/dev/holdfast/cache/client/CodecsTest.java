package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.holdfast.cache.Codec;
import java.lang.ref.WeakReference;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.util.List;
import org.junit.jupiter.api.Test;

class CodecsTest {
    /** {@code List<String>}, as an object that nothing but its user knows. */
    private static final class Strings implements ParameterizedType {
        @Override
        public Type[] getActualTypeArguments() {
            return new Type[] {String.class};
        }

        @Override
        public Type getRawType() {
            return List.class;
        }

        @Override
        public Type getOwnerType() {
            return null;
        }
    }

    @Test
    void aTypeIsForgottenWithTheLastCacheThatHasIt() {
        WeakReference<Type> type = used();
        EngineFixture.until("the type is garbage", () -> {
            System.gc();
            return type.get() == null;
        });
    }

    private static WeakReference<Type> used() {
        Type type = new Strings();
        Codec<List<String>> codec = Codecs.of(type);
        assertEquals(List.of("a"), codec.decode(codec.encode(List.of("a"))));
        return new WeakReference<>(type);
    }
}
