package dev.holdfast.cache.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.reflect.Method;
import java.util.Collection;
import java.util.Map;

/** Looks for fields that fabric8's model has kept without knowing them, anywhere in an object. */
final class UnknownFields {
    private UnknownFields() {}

    static void assertNone(Object object) throws ReflectiveOperationException {
        if (object instanceof Collection<?> all) {
            for (Object each : all) {
                assertNone(each);
            }
            return;
        }
        if (object instanceof Map<?, ?> all) {
            assertNone(all.values());
            return;
        }
        if (object == null || !object.getClass().getName().startsWith("io.fabric8.")) {
            return;
        }
        for (Method method : object.getClass().getMethods()) {
            if (method.getParameterCount() > 0 || !method.getName().startsWith("get")) {
                continue;
            }
            Object value = method.invoke(object);
            if (method.getName().equals("getAdditionalProperties")) {
                assertEquals(
                        Map.of(), value, () -> "fields of " + object.getClass().getSimpleName() + " that nobody knows");
            } else {
                assertNone(value);
            }
        }
    }
}
