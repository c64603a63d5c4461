package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.AsyncCache;
import dev.holdfast.cache.AsyncLoadingCache;
import dev.holdfast.cache.BulkCacheLoader;
import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheEvent.TierLost;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.LoadingCache;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.TypeRef;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.client.NearCache;
import dev.holdfast.cache.cluster.ClusterConfig;
import dev.holdfast.cache.failover.FailoverConfig;
import dev.holdfast.cache.failover.TierPolicy;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.testkit.FakeClock;
import dev.holdfast.cache.testkit.RecordingListener;
import dev.holdfast.cache.upstash.UpstashConfig;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Parameter;
import java.lang.reflect.Proxy;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** Who describes a client, a cache or a server and gives null is told what is missing, not which line of ours stumbled. */
class NullsTest {
    private static final Set<String> NOT_CALLED = Set.of("close", "build", "equals", "reached");

    private static final Map<Class<?>, Object> VALUES = Map.ofEntries(
            Map.entry(String.class, "single"),
            Map.entry(Object.class, "k"),
            Map.entry(Duration.class, Duration.ofMillis(1)),
            Map.entry(Class.class, TierLost.class),
            Map.entry(CachePolicy.class, CachePolicy.defaults()),
            Map.entry(Collection.class, List.of("k")),
            Map.entry(List.class, List.of("h:1")),
            Map.entry(Map.class, Map.of("k", "v")),
            Map.entry(Secret.class, Secret.of("s")),
            Map.entry(Settings.class, Settings.of(Map.of())),
            Map.entry(Codec.class, Codec.string()),
            Map.entry(TypeRef.class, new TypeRef<String>() {}),
            Map.entry(NearCache.class, NearCache.ofBytes(1 << 20)),
            Map.entry(FailoverConfig.class, FailoverConfig.DEFAULT),
            Map.entry(TierPolicy.class, TierPolicy.DEFAULT),
            Map.entry(Path.class, Path.of("/nowhere")),
            Map.entry(URI.class, URI.create("https://h")),
            Map.entry(String[].class, new String[0]),
            Map.entry(int.class, 1),
            Map.entry(long.class, 2_000_000L),
            Map.entry(double.class, 0.5),
            Map.entry(boolean.class, false));

    private final Set<String> unhelpful = new TreeSet<>();
    private int calls;

    private static Object value(Parameter parameter) {
        Class<?> type = parameter.getType();
        Object value = VALUES.get(type);
        if (value != null || !type.isInterface()) {
            return value;
        }
        return Proxy.newProxyInstance(
                NullsTest.class.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> null);
    }

    /** Calls every public method of a type with null in each place in turn, on a new instance each time; static ones on none. */
    private void check(Class<?> type, Supplier<?> instance) throws IllegalAccessException {
        for (Method method : type.getMethods()) {
            boolean isStatic = Modifier.isStatic(method.getModifiers());
            // What is inherited of the JDK says what the JDK says.
            if (NOT_CALLED.contains(method.getName())
                    || !method.getDeclaringClass().getName().startsWith("dev.holdfast")) {
                continue;
            }
            Parameter[] parameters = method.getParameters();
            for (int missing = 0; missing < parameters.length; missing++) {
                if (parameters[missing].getType().isPrimitive()) {
                    continue;
                }
                Object[] arguments = new Object[parameters.length];
                for (int i = 0; i < parameters.length; i++) {
                    arguments[i] = i == missing ? null : value(parameters[i]);
                }
                calls++;
                try {
                    method.invoke(isStatic ? null : instance.get(), arguments);
                } catch (InvocationTargetException e) {
                    if (e.getCause() instanceof NullPointerException cause
                            && (cause.getMessage() == null || cause.getMessage().startsWith("Cannot "))) {
                        unhelpful.add(method.toGenericString() + ", number " + missing + ": " + cause.getMessage());
                    }
                }
            }
        }
    }

    /** What is to be named, by the type of a parameter. */
    private static final Map<Class<?>, Set<String>> NAMES = Map.of(
            Object.class, Set.of("key", "value", "expected", "other"),
            String.class, Set.of("tag"),
            Duration.class, Set.of("ttl"),
            CachePolicy.class, Set.of("policy"),
            CacheLoader.class, Set.of("loader"),
            BulkCacheLoader.class, Set.of("loader"),
            Collection.class, Set.of("keys"),
            Map.class, Set.of("entries"));

    /** Calls every operation of a cache with null in each place in turn: it throws before anything is done, and names what is missing. */
    private void checkOperations(Class<?> type, Object cache) throws IllegalAccessException {
        for (Method method : type.getMethods()) {
            Parameter[] parameters = method.getParameters();
            for (int missing = 0; missing < parameters.length; missing++) {
                Object[] arguments = new Object[parameters.length];
                for (int i = 0; i < parameters.length; i++) {
                    arguments[i] = i == missing ? null : value(parameters[i]);
                }
                Set<String> names = NAMES.get(parameters[missing].getType());
                assertNotNull(names, method::toGenericString);
                requireNamed(method.toGenericString() + ", number " + missing, names, method, cache, arguments);
            }
            for (int holding = 0; holding < parameters.length; holding++) {
                for (Map.Entry<String, Object> holder : HOLDERS.getOrDefault(parameters[holding].getType(), Map.of())
                        .entrySet()) {
                    Object[] arguments = new Object[parameters.length];
                    for (int i = 0; i < parameters.length; i++) {
                        arguments[i] = i == holding ? holder.getValue() : value(parameters[i]);
                    }
                    requireNamed(
                            method.toGenericString() + ", null " + holder.getKey(),
                            Set.of(holder.getKey()),
                            method,
                            cache,
                            arguments);
                }
            }
        }
    }

    /** Collections that hold null, by what it stands for. */
    private static final Map<Class<?>, Map<String, Object>> HOLDERS = Map.of(
            Collection.class, Map.of("key", Arrays.asList("k", null)),
            Map.class,
                    Map.of("key", Collections.singletonMap(null, "v"), "value", Collections.singletonMap("k", null)));

    private void requireNamed(String call, Set<String> names, Method method, Object cache, Object[] arguments)
            throws IllegalAccessException {
        calls++;
        try {
            method.invoke(cache, arguments);
            unhelpful.add(call + ": nothing is thrown");
        } catch (InvocationTargetException e) {
            if (!(e.getCause() instanceof NullPointerException cause)
                    || cause.getMessage() == null
                    || !names.contains(cause.getMessage())) {
                unhelpful.add(call + ": " + e.getCause());
            }
        }
    }

    @Test
    void eachOperationOfACacheNamesWhatIsNull() throws Exception {
        try (CacheClient client = CacheClient.builder().build()) {
            Cache<String, String> plain =
                    client.cache("plain", String.class, String.class).build();
            LoadingCache<String, String> loading = client.cache("loading", String.class, String.class)
                    .near(NearCache.ofBytes(1 << 20))
                    .build(key -> key);
            checkOperations(Cache.class, plain);
            checkOperations(AsyncCache.class, plain.async());
            checkOperations(LoadingCache.class, loading);
            checkOperations(AsyncLoadingCache.class, loading.async());
        }
        assertEquals(Set.of(), unhelpful);
        assertTrue(calls > 200, () -> calls + " calls");
    }

    @Test
    void whoGivesNullIsToldWhatIsMissing() throws Exception {
        try (CacheClient client = CacheClient.builder().build()) {
            check(CacheClient.class, () -> client);
            check(CacheClient.builder().getClass(), CacheClient::builder);
            check(client.counter("n").getClass(), () -> client.counter("n"));
            check(
                    client.cache("b", String.class, String.class).getClass(),
                    () -> client.cache("b", String.class, String.class));
            check(CachePolicy.class, CachePolicy::defaults);
            check(FailoverConfig.class, () -> FailoverConfig.DEFAULT);
            check(TierPolicy.class, () -> TierPolicy.DEFAULT);
            check(NearCache.class, () -> NearCache.ofBytes(1 << 20));
            check(SingleConfig.class, () -> SingleConfig.of("h", 1));
            check(ClusterConfig.class, () -> ClusterConfig.of("h:1"));
            check(UpstashConfig.class, () -> UpstashConfig.of("https://h", Secret.of("s")));
            check(FakeClock.class, FakeClock::new);
            check(RecordingListener.class, RecordingListener::new);
        }
        assertEquals(Set.of(), unhelpful);
        assertTrue(calls > 80, () -> calls + " calls");
    }
}
