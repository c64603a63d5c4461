package dev.holdfast.cache.examples;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;

/**
 * One of two processes of different versions on one server: it writes, then reads what the other has written, and removes half of that. It runs with
 * the jars of either version, so it uses what both have.
 */
final class MixedPeer {
    private static final int KEYS = 500;
    private static final Duration HOUR = Duration.ofHours(1);

    private int errors;
    private int same;
    private int missed;
    private int wrong;

    private MixedPeer() {}

    /** Arguments: its own name and the other's. Prints {@code written} and, when a line comes, what it found. */
    public static void main(String[] args) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        try (CacheClient client = CacheClient.from(Settings.environment())) {
            MixedPeer peer = new MixedPeer();
            peer.write(client, args[0]);
            System.out.println("written");
            if (in.readLine() != null) {
                peer.read(client, args[1]);
                System.out.printf(
                        "errors=%d same=%d missed=%d wrong=%d tier=%s%n",
                        peer.errors,
                        peer.same,
                        peer.missed,
                        peer.wrong,
                        cache(client, "texts", String.class, String.class)
                                .lookup("any")
                                .tier());
            }
            // Until both have read.
            in.readLine();
        }
    }

    /** Opens a cache: of versions before caches had builders the method itself returns it. */
    @SuppressWarnings("unchecked") // as the client's own signature says
    private static <K, V> Cache<K, V> cache(CacheClient client, String name, Class<K> keys, Class<V> values) {
        try {
            Object opened = CacheClient.class
                    .getMethod("cache", String.class, Class.class, Class.class)
                    .invoke(client, name, keys, values);
            return (Cache<K, V>)
                    (opened instanceof Cache
                            ? opened
                            : opened.getClass().getMethod("build").invoke(opened));
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("this version opens no cache so", e);
        }
    }

    /** Adds to the counter that both have: of versions before counters had builders the client itself does. */
    private static long count(CacheClient client, long delta) {
        try {
            for (Method method : CacheClient.class.getMethods()) {
                if (method.getName().equals("increment")) {
                    return (long) method.invoke(client, "both", delta, HOUR);
                }
            }
            Object counter =
                    CacheClient.class.getMethod("counter", String.class).invoke(client, "both");
            Object built = counter.getClass().getMethod("build").invoke(counter);
            // The interface's method: what implements it is not public.
            return (long) Class.forName("dev.holdfast.cache.Counter")
                    .getMethod("increment", long.class)
                    .invoke(built, delta);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("this version has no counter so", e);
        }
    }

    private void write(CacheClient client, String own) {
        Cache<String, String> texts = cache(client, "texts", String.class, String.class);
        Cache<Long, byte[]> bytes = cache(client, "bytes", Long.class, byte[].class);
        for (int i = 0; i < KEYS; i++) {
            String key = own + '-' + i;
            attempt(() -> texts.put(key, "value of " + key));
            long number = number(own, i);
            attempt(() -> bytes.put(number, Long.toHexString(number).repeat(500).getBytes(StandardCharsets.US_ASCII)));
        }
        attempt(() -> count(client, 1));
    }

    private static long number(String name, int i) {
        return name.hashCode() * 1_000L + i;
    }

    private void read(CacheClient client, String other) {
        Cache<String, String> texts = cache(client, "texts", String.class, String.class);
        Cache<Long, byte[]> bytes = cache(client, "bytes", Long.class, byte[].class);
        for (int i = 0; i < KEYS; i++) {
            String key = other + '-' + i;
            attempt(() -> found(Optional.ofNullable(texts.get(key)), "value of " + key));
            long number = number(other, i);
            attempt(() -> found(
                    Optional.ofNullable(bytes.get(number)).map(value -> new String(value, StandardCharsets.US_ASCII)),
                    Long.toHexString(number).repeat(500)));
            if (i % 2 == 0) {
                attempt(() -> texts.remove(key));
                attempt(() -> found(Optional.ofNullable(texts.get(key)).map(left -> "removed, but " + left), ""));
                missed--;
            }
        }
        attempt(() -> found(Optional.of(Long.toString(count(client, 0))), "2"));
    }

    private void found(Optional<String> value, String right) {
        if (value.isEmpty()) {
            missed++;
        } else if (value.get().equals(right)) {
            same++;
        } else {
            wrong++;
        }
    }

    private void attempt(Runnable call) {
        try {
            call.run();
        } catch (RuntimeException e) {
            errors++;
            if (errors <= 3) {
                System.err.println(e);
            }
        }
    }
}
