package dev.holdfast.cache.client;

import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.internal.ForeignText;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The caches of one client by name: the same name with equal arguments is the same cache. A cache that is closed is forgotten, but
 * for the prefix of its keys. No foreign code runs under the lock.
 */
final class Caches {
    private static final int MAX_NAME = 64;

    private final ReentrantLock lock = new ReentrantLock();
    private final Map<String, Opened> byName = new ConcurrentHashMap<>();
    private final CachePrefixes prefixes = new CachePrefixes(CacheClient.COUNTERS);
    /** Of caches that were closed. */
    private final AtomicLong misplacedBefore = new AtomicLong();

    private boolean closed;

    /**
     * What a cache was asked for with.
     *
     * @param keys their class or function
     * @param values their type or codec
     * @param near what is kept in front of the store; {@code null} for nothing
     * @param loader what loads them; {@code null} if each call brings its own
     */
    record Terms(
            Object keys,
            Object values,
            CachePolicy policy,
            boolean serversOnly,
            @Nullable NearCache near,
            @Nullable Object loader) {

        /** In what these differ from others, first what they have. */
        private String differenceTo(Terms other) {
            List<String> differences = new ArrayList<>();
            compare(differences, "keys", keys, other.keys);
            compare(differences, "values", values, other.values);
            List<String> now = options(other.policy);
            List<String> before = options(policy);
            for (int i = 0; i < before.size(); i++) {
                if (!before.get(i).equals(now.get(i))) {
                    differences.add(before.get(i) + ", now " + now.get(i).replaceFirst(".*=", ""));
                }
            }
            compare(differences, "serversOnly", serversOnly, other.serversOnly);
            if (!Objects.equals(near, other.near)) {
                differences.add("near " + near + ", now " + other.near);
            }
            if (!Objects.equals(loader, other.loader)) {
                differences.add(
                        loader == null || other.loader == null
                                ? "one of the two has a loader"
                                : "another loader, which for lambdas means another object: keep the cache, or the loader, in a field");
            }
            return String.join("; ", differences);
        }

        /** Name and value of each, in the order in which policies print them. */
        private static List<String> options(CachePolicy policy) {
            String text = policy.toString();
            return List.of(
                    text.substring(text.indexOf('[') + 1, text.length() - 1).split(", ", -1));
        }

        private static void compare(List<String> differences, String what, Object mine, Object others) {
            if (!mine.equals(others)) {
                differences.add(what + ' ' + ForeignText.shown(mine.toString()) + ", now "
                        + ForeignText.shown(others.toString()));
            }
        }
    }

    /** Compared by identity: the terms' {@code equals} is foreign. */
    private static final class Opened {
        private final Terms terms;
        private final CacheEngine<?, ?> cache;

        Opened(Terms terms, CacheEngine<?, ?> cache) {
            this.terms = terms;
            this.cache = cache;
        }
    }

    /**
     * Returns a cache, opened if need be.
     *
     * @param name its name
     * @param terms what it is asked for with
     * @param open opens it; what it opens is closed again if another caller is faster
     * @param opened is told of it if it was opened by this call
     */
    @SuppressWarnings("unchecked") // equal terms, so the same K and V
    <K, V> CacheEngine<K, V> get(
            String name, Terms terms, Supplier<CacheEngine<K, V>> open, Consumer<CacheEngine<?, ?>> opened) {
        if (!isName(name)) {
            throw new IllegalArgumentException(
                    "a cache's name has 1 to 64 characters out of A-Z a-z 0-9 . _ -, this is \""
                            + ForeignText.shown(name) + '"');
        }
        while (true) {
            Opened present = byName.get(name);
            if (present != null && !present.cache.isClosed()) {
                return (CacheEngine<K, V>) agreed(name, present, terms);
            }
            CacheEngine<K, V> cache = open.get();
            boolean published = false;
            try {
                published = publish(name, present, new Opened(terms, cache));
            } finally {
                if (!published) {
                    cache.close();
                }
            }
            if (published) {
                opened.accept(cache);
                return cache;
            }
        }
    }

    private static CacheEngine<?, ?> agreed(String name, Opened present, Terms terms) {
        if (!present.terms.equals(terms)) {
            throw new IllegalStateException(
                    "the cache " + name + " is open with other options: " + present.terms.differenceTo(terms));
        }
        return present.cache;
    }

    /** Puts a cache in the place of {@code present}, one that was closed, or of none; {@code false} if another was faster. */
    private boolean publish(String name, @Nullable Opened present, Opened opened) {
        lock.lock();
        try {
            if (closed) {
                throw new IllegalStateException("the cache client is closed");
            }
            boolean first =
                    present == null ? byName.putIfAbsent(name, opened) == null : byName.replace(name, present, opened);
            if (first) {
                misplacedBefore.addAndGet(present == null ? 0 : present.cache.misplaced());
                prefixes.add(opened.cache.prefix(), opened.cache.tombstoneLife());
            }
            return first;
        } finally {
            lock.unlock();
        }
    }

    /** A cache was closed: nothing is kept of it but the prefix of its keys. */
    void forget(CacheEngine<?, ?> cache) {
        Opened opened = byName.get(cache.name());
        if (opened != null && opened.cache == cache && byName.remove(cache.name(), opened)) {
            misplacedBefore.addAndGet(cache.misplaced());
            prefixes.closed(cache.prefix());
        }
    }

    /** By hand: a regular expression may be the first of its process, and takes its share of the start. */
    private static boolean isName(String name) {
        boolean valid = !name.isEmpty() && name.length() <= MAX_NAME;
        for (int i = 0; valid && i < name.length(); i++) {
            char c = name.charAt(i);
            valid = (c >= 'a' && c <= 'z')
                    || (c >= 'A' && c <= 'Z')
                    || (c >= '0' && c <= '9')
                    || c == '.'
                    || c == '_'
                    || c == '-';
        }
        return valid;
    }

    /**
     * What this client's keys in the store begin with, as far as they can be told from those of others: typed caches, open or
     * closed, and counters. Raw caches have no prefix. A live view, for any thread, whose {@code contains} is quick.
     */
    Set<String> prefixes() {
        return prefixes.known();
    }

    /** For how long a removal of a key in the store leaves a tombstone; {@code null} if it is none of a cache whose removals do. */
    @Nullable
    Duration tombstoneLife(String storeKey) {
        return prefixes.tombstoneLife(storeKey);
    }

    Collection<CacheEngine<?, ?>> all() {
        List<CacheEngine<?, ?>> open = new ArrayList<>();
        byName.values().forEach(opened -> {
            if (!opened.cache.isClosed()) {
                open.add(opened.cache);
            }
        });
        return open;
    }

    /** What of the caches wants an operator's attention. */
    List<String> notes() {
        long misplaced = misplacedBefore.get();
        for (Opened opened : byName.values()) {
            misplaced += opened.cache.misplaced();
        }
        List<String> notes = new ArrayList<>();
        if (misplaced > 0) {
            notes.add((misplaced == 1 ? "1 entry was" : misplaced + " entries were")
                    + " read under another key: a server, a proxy or a client library gives the answers to other questions."
                    + " Each such entry counts as a miss, but raw caches and counters can't tell");
        }
        prefixes.note().ifPresent(notes::add);
        all().forEach(cache -> {
            String untracked = cache.nearNote();
            if (untracked != null) {
                notes.add(untracked);
            }
        });
        return notes;
    }

    void close() {
        lock.lock();
        try {
            closed = true;
        } finally {
            lock.unlock();
        }
        Runnable[] each = byName.values().stream()
                .map(opened -> (Runnable) opened.cache::close)
                .toArray(Runnable[]::new);
        new Closing(each).close();
    }
}
