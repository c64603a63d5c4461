package dev.holdfast.cache.monitor;

import dev.holdfast.cache.Secret;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** Who may ask what: a token compares in constant time, and can be guessed at ten times a minute from one address. For any number of threads. */
final class Access {
    private static final int MOST_WRONG = 10;
    private static final int MOST_ADDRESSES = 1_000;
    private static final long MINUTE = TimeUnit.MINUTES.toNanos(1);
    private static final String SCHEME = "bearer ";

    private final @Nullable Secret token;
    private final LongSupplier nanoTime;
    private final Map<String, Wrong> wrong = new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Wrong> eldest) {
            return size() > MOST_ADDRESSES;
        }
    };

    /** How many wrong tokens came from an address since a moment. */
    private record Wrong(long since, int count) {}

    Access(@Nullable Secret token, LongSupplier nanoTime) {
        this.token = token;
        this.nanoTime = nanoTime;
    }

    boolean hasToken() {
        return token != null;
    }

    /** Lets a request through, or says why not. Without a token there is nothing that could open. */
    @Nullable
    Reply refusal(Request request) {
        Secret right = token;
        if (right == null) {
            return Reply.error(404, "not found");
        }
        if (isExhausted(request.remote())) {
            return Reply.error(429, "too many wrong tokens", Map.of("Retry-After", "60"));
        }
        String given = request.authorization();
        if (given != null && given.toLowerCase(Locale.ROOT).startsWith(SCHEME) && isRight(given, right)) {
            return null;
        }
        if (given != null) {
            count(request.remote());
        }
        return Reply.error(401, "a token is needed", Map.of("WWW-Authenticate", "Bearer realm=\"holdfast\""));
    }

    private static boolean isRight(String given, Secret right) {
        byte[] offered = given.substring(SCHEME.length()).strip().getBytes(StandardCharsets.UTF_8);
        return MessageDigest.isEqual(offered, right.reveal().getBytes(StandardCharsets.UTF_8));
    }

    private synchronized boolean isExhausted(String address) {
        Wrong known = wrong.get(address);
        return known != null && known.count() >= MOST_WRONG && nanoTime.getAsLong() - known.since() < MINUTE;
    }

    private synchronized void count(String address) {
        long now = nanoTime.getAsLong();
        wrong.merge(
                address,
                new Wrong(now, 1),
                (old, fresh) -> now - old.since() < MINUTE ? new Wrong(old.since(), old.count() + 1) : fresh);
    }
}
