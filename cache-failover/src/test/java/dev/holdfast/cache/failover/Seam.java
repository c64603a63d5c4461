package dev.holdfast.cache.failover;

import dev.holdfast.cache.spi.CacheStore;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/** A store whose methods throw or answer whatever they are told to, by their names, and else do what another store does. */
final class Seam {
    final CacheStore store;
    private final Map<String, Supplier<? extends Throwable>> failures = new ConcurrentHashMap<>();
    private final Map<String, Supplier<?>> answers = new ConcurrentHashMap<>();
    private final Map<String, Runnable> answered = new ConcurrentHashMap<>();
    private final Map<String, Runnable> listeners = new ConcurrentHashMap<>();
    private final Map<String, AtomicInteger> thrown = new ConcurrentHashMap<>();

    Seam(CacheStore real) {
        store = (CacheStore) Proxy.newProxyInstance(
                Seam.class.getClassLoader(), new Class<?>[] {CacheStore.class}, (proxy, method, arguments) -> {
                    Supplier<? extends Throwable> failure = failures.get(method.getName());
                    if (failure != null) {
                        thrown.computeIfAbsent(method.getName(), name -> new AtomicInteger())
                                .incrementAndGet();
                        throw failure.get();
                    }
                    Supplier<?> answer = answers.get(method.getName());
                    if (answer != null) {
                        return answer.get();
                    }
                    listeners.getOrDefault(method.getName(), () -> {}).run();
                    if (method.getName().equals("within")) {
                        return proxy;
                    }
                    try {
                        Object result = method.invoke(real, arguments);
                        Runnable after = answered.remove(method.getName());
                        if (after != null) {
                            after.run();
                        }
                        return result;
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    /** From now on, calls of this method that pass are told of. */
    void onCall(String method, Runnable listener) {
        listeners.put(method, listener);
    }

    /** Does something between the next answer of this method and its caller. */
    void onNextAnswer(String method, Runnable meanwhile) {
        answered.put(method, meanwhile);
    }

    /** From now on, calls of this method are answered so. */
    void answer(String method, Supplier<?> answer) {
        answers.put(method, answer);
    }

    /** From now on, calls of this method are answered by the other store again. */
    void answerNoMore(String method) {
        answers.remove(method);
    }

    /** From now on, calls of this method throw. */
    void fail(String method, Supplier<? extends Throwable> failure) {
        failures.put(method, failure);
    }

    /** From now on, calls of this method pass again. */
    void heal(String method) {
        failures.remove(method);
    }

    /** How many calls of this method have thrown. */
    int thrown(String method) {
        AtomicInteger count = thrown.get(method);
        return count == null ? 0 : count.get();
    }
}
