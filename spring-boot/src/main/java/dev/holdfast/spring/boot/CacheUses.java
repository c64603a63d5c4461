package dev.holdfast.spring.boot;

import java.lang.reflect.Method;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.framework.autoproxy.AutoProxyUtils;
import org.springframework.aop.scope.ScopedProxyUtils;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.cache.interceptor.CacheEvictOperation;
import org.springframework.cache.interceptor.CacheOperation;
import org.springframework.cache.interceptor.CacheOperationSource;
import org.springframework.core.MethodIntrospector;
import org.springframework.core.ResolvableType;
import org.springframework.util.ClassUtils;

/** Which methods of the application's beans name which caches. Reads the types of beans and makes none. */
final class CacheUses {
    private static final String SPRING = "org.springframework.";

    private final ConfigurableListableBeanFactory beans;
    private final CacheOperationSource source;
    private final String manager;
    private final Map<String, List<CacheUse>> byCache = new TreeMap<>();

    private CacheUses(ConfigurableListableBeanFactory beans, CacheOperationSource source, String manager) {
        this.beans = beans;
        this.source = source;
        this.manager = manager;
    }

    /**
     * Finds the methods.
     *
     * @param beans the beans
     * @param source says what methods do with caches
     * @param manager the name of the manager whose caches are asked for
     * @return the methods by the names of the caches, sorted
     */
    static Map<String, List<CacheUse>> find(
            ConfigurableListableBeanFactory beans, CacheOperationSource source, String manager) {
        CacheUses uses = new CacheUses(beans, source, manager);
        for (String bean : beans.getBeanDefinitionNames()) {
            Class<?> type = ScopedProxyUtils.isScopedTarget(bean) ? null : uses.typeOf(bean);
            if (type != null && !type.getName().startsWith(SPRING) && source.isCandidateClass(type)) {
                uses.addAll(type);
            }
        }
        return uses.byCache;
    }

    private @Nullable Class<?> typeOf(String bean) {
        try {
            Class<?> type = AutoProxyUtils.determineTargetClass(beans, bean);
            return type == null ? null : ClassUtils.getUserClass(type);
        } catch (RuntimeException | LinkageError e) {
            return null; // a bean whose type can't be told before it is made
        }
    }

    private void addAll(Class<?> type) {
        Map<Method, Collection<CacheOperation>> methods =
                MethodIntrospector.selectMethods(type, (MethodIntrospector.MetadataLookup<Collection<CacheOperation>>)
                        method -> source.getCacheOperations(method, type));
        methods.forEach((method, operations) -> {
            for (CacheOperation operation : operations) {
                if (isOurs(operation)) {
                    add(type, method, operation);
                }
            }
        });
    }

    private boolean isOurs(CacheOperation operation) {
        String named = operation.getCacheManager();
        return named.isEmpty() ? operation.getCacheResolver().isEmpty() : named.equals(manager);
    }

    private void add(Class<?> type, Method method, CacheOperation operation) {
        Type values = operation instanceof CacheEvictOperation
                ? null
                : ValueTypes.of(ResolvableType.forMethodReturnType(method, type));
        for (String cache : operation.getCacheNames()) {
            byCache.computeIfAbsent(cache, name -> new ArrayList<>(2)).add(new CacheUse(cache, type, method, values));
        }
    }
}
