package dev.holdfast.spring.boot;

import java.lang.reflect.Type;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.springframework.aot.hint.BindingReflectionHintsRegistrar;
import org.springframework.beans.factory.aot.BeanFactoryInitializationAotContribution;
import org.springframework.beans.factory.aot.BeanFactoryInitializationAotProcessor;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.cache.annotation.AnnotationCacheOperationSource;

/** Has a native image keep what reads and writes the values of the caches that methods name. */
final class CacheTypesAotProcessor implements BeanFactoryInitializationAotProcessor {

    @Override
    public @Nullable BeanFactoryInitializationAotContribution processAheadOfTime(
            ConfigurableListableBeanFactory beans) {
        String[] managers = beans.getBeanNamesForType(HoldfastCacheManager.class, true, false);
        if (managers.length == 0) {
            return null;
        }
        Map<String, List<CacheUse>> uses = CacheUses.find(beans, new AnnotationCacheOperationSource(), managers[0]);
        Type[] types = uses.values().stream()
                .flatMap(List::stream)
                .map(CacheUse::values)
                .filter(Objects::nonNull)
                .distinct()
                .toArray(Type[]::new);
        return (context, code) -> new BindingReflectionHintsRegistrar()
                .registerReflectionHints(context.getRuntimeHints().reflection(), types);
    }
}
