package dev.holdfast.cache.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Whatever a store can do is passed on, what it learns later too. */
class ForwardingStoreTest {
    private final List<Method> called = new ArrayList<>();
    private final CacheStore behind = (CacheStore) Proxy.newProxyInstance(
            CacheStore.class.getClassLoader(), new Class<?>[] {CacheStore.class}, (store, method, arguments) -> {
                called.add(method);
                return nothing(method.getReturnType());
            });

    private static final class Before extends ForwardingStore {
        Before(CacheStore store) {
            super(store);
        }

        @Override
        public CacheStore within(Duration limit) {
            return new Before(store().within(limit));
        }
    }

    private static Object nothing(Class<?> type) {
        return type == boolean.class ? (Object) false : type == long.class ? (Object) 0L : null;
    }

    @Test
    void everyMethodIsPassedOn() throws ReflectiveOperationException {
        Before before = new Before(behind);
        List<Method> methods = Arrays.stream(CacheStore.class.getMethods())
                .filter(method -> !Modifier.isStatic(method.getModifiers()))
                .filter(method -> !method.getName().equals("within"))
                .toList();
        for (Method method : methods) {
            called.clear();
            Object[] arguments = Arrays.stream(method.getParameterTypes())
                    .map(type -> type == int.class ? (Object) 1 : nothing(type))
                    .toArray();
            method.invoke(before, arguments);
            assertEquals(List.of(method), called);
        }
    }
}
