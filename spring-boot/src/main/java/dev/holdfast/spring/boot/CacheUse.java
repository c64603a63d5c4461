package dev.holdfast.spring.boot;

import java.lang.reflect.Method;
import java.lang.reflect.Type;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A method that names a cache.
 *
 * @param cache the cache's name
 * @param target the class of the bean
 * @param method the method
 * @param values the type of the values that it puts there; {@code null} if it puts none
 */
record CacheUse(
        String cache,
        Class<?> target,
        Method method,
        @Nullable Type values) {

    /** The method as messages name it. */
    String name() {
        return target.getName() + '.' + method.getName();
    }

    static String names(List<CacheUse> uses) {
        return String.join(
                ", ", uses.stream().map(CacheUse::name).distinct().sorted().toList());
    }
}
