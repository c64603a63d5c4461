package dev.holdfast.spring.boot;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.springframework.core.ReactiveAdapter;
import org.springframework.core.ReactiveAdapterRegistry;
import org.springframework.core.ResolvableType;
import org.springframework.util.ClassUtils;

/** Which type of values Spring puts into a cache for what a method returns. */
final class ValueTypes {
    private ValueTypes() {}

    /**
     * Takes off what Spring takes off: an Optional, a future, a Mono or the like around a value; what a Flux or the like emits is put as
     * one list.
     *
     * @param returned what a method returns
     * @return the type of its values, in one form for each type; {@code null} if it has none
     */
    static @Nullable Type of(ResolvableType returned) {
        Class<?> raw = returned.resolve(Object.class);
        if (raw == void.class || raw == Void.class) {
            return null;
        }
        if (raw == Optional.class || raw == CompletableFuture.class) {
            return of(returned.getGeneric(0));
        }
        ReactiveAdapter adapter = ReactiveAdapterRegistry.getSharedInstance().getAdapter(raw);
        if (adapter == null) {
            return normal(returned);
        }
        if (adapter.isNoValue()) {
            return null;
        }
        ResolvableType element = returned.getGeneric(0);
        return adapter.isMultiValue()
                ? ResolvableType.forClassWithGenerics(List.class, resolvable(element))
                        .getType()
                : of(element);
    }

    /** Whether values can be read back as this type: it says what they are, all the way down to what a container holds. */
    static boolean isReadable(Type type) {
        if (type instanceof ParameterizedType) {
            return true;
        }
        return type instanceof Class<?> raw
                && raw != Object.class
                && component(raw).getTypeParameters().length == 0;
    }

    private static Class<?> component(Class<?> type) {
        return type.isArray() ? component(type.componentType()) : type;
    }

    private static Type normal(ResolvableType type) {
        return resolvable(type).getType();
    }

    /** Without type variables and wildcards, which stand for their bounds. */
    private static ResolvableType resolvable(ResolvableType type) {
        Class<?> raw = ClassUtils.resolvePrimitiveIfNecessary(type.resolve(Object.class));
        if (type.getType() instanceof Class<?> || !type.hasGenerics() || raw.isArray()) {
            return ResolvableType.forClass(raw);
        }
        ResolvableType[] generics = type.getGenerics();
        ResolvableType[] resolved = new ResolvableType[generics.length];
        for (int i = 0; i < generics.length; i++) {
            resolved[i] = resolvable(generics[i]);
        }
        return ResolvableType.forClassWithGenerics(raw, resolved);
    }
}
