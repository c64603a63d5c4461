package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.internal.PrefixScan;
import dev.holdfast.cache.internal.PrefixScans;
import dev.holdfast.cache.internal.SparedKeys;
import dev.holdfast.cache.redis.Failures;
import io.lettuce.core.KeyScanCursor;
import io.lettuce.core.protocol.CommandType;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Removes every key with a prefix: SCAN on all masters at the same time, UNLINK in batches. A slot that is moved meanwhile could
 * escape, so it begins again until the slots were where they are now all the time; while slots are just being moved it goes over all
 * masters twice, since a key moves but once. What ran out of time is gone on with by the next of the same prefix, while the slots are where
 * they were.
 */
final class PrefixRemoval {
    /** What the removals of one store have in common. */
    static final class Unfinished {
        final PrefixScans scans = new PrefixScans();

        /** Whether a node has refused to say what its process is called: each refusal is noted there as a breach. */
        volatile boolean nameless;
    }

    private final Router router;
    private final LettuceErrors errors;
    private final Survey survey;
    private final Unfinished unfinished;
    private final byte[] pattern;
    private final SparedKeys spared;
    private final long until;
    private final @Nullable Long begun;
    private final Predicate<PrefixScan> enough;
    private final @Nullable Useless useless;
    private long removed;

    /** How far each master has come. */
    private Map<Node, PrefixScan> scans = Map.of();

    /** What tells by the first bytes of a value that it may go; then nothing else does, and there is no hurry. */
    record Useless(int head, Predicate<byte[]> says) {}

    /**
     * Prepares one.
     *
     * @param session whose keys
     * @param pattern what SCAN is to match
     * @param until when it must have ended
     * @param begun when the one began that this goes on with; {@code null} if it is one by itself
     * @param useless which are to go; {@code null} if all are
     */
    PrefixRemoval(Session session, byte[] pattern, long until, @Nullable Long begun, @Nullable Useless useless) {
        this.useless = useless;
        this.begun = begun;
        this.enough = begun == null ? PrefixScan::isComplete : scan -> scan.isCoveredSince(begun);
        this.survey = new Survey(session, until);
        this.router = session.router;
        this.errors = session.errors;
        this.unfinished = session.unfinishedRemovals;
        this.pattern = pattern;
        this.spared = session.spared;
        this.until = until;
    }

    /** Does it; returns how many keys there were. */
    long run() {
        boolean ended = false;
        SlotMap map = survey.make();
        try {
            begin(map);
            while (true) {
                pass(map);
                if (map.isMoving()) {
                    scans.values().forEach(PrefixScan::again);
                    pass(map);
                }
                SlotMap after = survey.make();
                hear();
                if (!after.signature().equals(map.signature())) {
                    map = after;
                    begin(map);
                } else if (areComplete()) {
                    ended = true;
                    return removed;
                }
            }
        } finally {
            if (!ended) {
                Object where = where(map);
                scans.forEach((master, scan) -> unfinished.scans.failed(List.of(master, where), scan));
            }
        }
    }

    /** Begins with each master, or goes on where the slots are the same. */
    private void begin(SlotMap map) {
        Object where = where(map);
        Map<Node, PrefixScan> all = new LinkedHashMap<>();
        for (Node master : map.masters()) {
            Object what = List.of(master, where);
            all.put(master, begun == null ? unfinished.scans.begin(what) : unfinished.scans.resume(what));
        }
        scans = all;
        hear();
    }

    /** The keys, and where the slots are, as a name of bearable size. */
    private Object where(SlotMap map) {
        String pattern = new String(this.pattern, StandardCharsets.UTF_8);
        return List.of(pattern, digest(map.signature()), useless == null ? 0 : useless.head());
    }

    private static String digest(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }

    private boolean areComplete() {
        return scans.values().stream().allMatch(enough);
    }

    private void hear() {
        survey.tell((master, answer) -> {
            PrefixScan scan = scans.get(master);
            if (scan != null) {
                scan.heard(answer.asked(), answer.since(), answer.process());
            }
        });
    }

    private void pass(SlotMap map) {
        Map<Node, CacheUnavailableException> unreached = new LinkedHashMap<>();
        List<Node> left = new ArrayList<>(map.masters());
        while (true) {
            left.removeIf(master -> enough.test(scan(master)) || unreached.containsKey(master));
            if (left.isEmpty()) {
                break;
            }
            scan(left, unreached);
        }
        if (!unreached.isEmpty()) {
            throw incomplete(unreached);
        }
        if (map.served() < Slots.COUNT) {
            throw new CacheUnavailableException(
                    "keys with the prefix may be left: not every slot is served", null, Reason.PARTIAL, removed > 0);
        }
    }

    private PrefixScan scan(Node master) {
        return Objects.requireNonNull(scans.get(master));
    }

    private CacheUnavailableException incomplete(Map<Node, CacheUnavailableException> unreached) {
        List<CacheUnavailableException> failures = List.copyOf(unreached.values());
        CacheUnavailableException first = failures.get(0);
        failures.stream().filter(other -> other != first).distinct().forEach(first::addSuppressed);
        String message = "keys with the prefix may be left on " + unreached.keySet() + " (" + removed
                + " are removed, "
                + scans.values().stream().filter(enough).count() + " of "
                + scans.size()
                + " masters are done; the next attempt goes on there): " + first.getMessage();
        boolean unknown =
                first.outcomeUnknown() || removed > 0 || scans.values().stream().anyMatch(PrefixScan::isCovered);
        return Failures.copy(first, message, first, unknown);
    }

    /** One page of each master. */
    private void scan(List<Node> masters, Map<Node, CacheUnavailableException> unreached) {
        List<RoutedRequest<KeyScanCursor<byte[]>>> pages = new ArrayList<>();
        for (Node master : masters) {
            pages.add(RoutedRequest.pinned(master, Requests.scan(scan(master).cursor(), pattern)));
        }
        long asked = System.nanoTime();
        router.runAll(pages, asked, until);
        Map<Node, List<byte[]>> found = new LinkedHashMap<>();
        Map<Node, Runnable> done = new LinkedHashMap<>();
        for (int i = 0; i < pages.size(); i++) {
            KeyScanCursor<byte[]> page = pages.get(i).reply();
            if (page != null) {
                found.put(masters.get(i), page.getKeys());
                String next = page.isFinished() ? PrefixScan.START : cursorOf(page);
                long since = pages.get(i).openSince();
                PrefixScan scan = scan(masters.get(i));
                done.put(masters.get(i), () -> scan.moved(asked, since, next));
            } else {
                unreached.put(masters.get(i), errors.unavailable(pages.get(i).failure()));
            }
        }
        try {
            if (useless == null) {
                unlink(found.values().stream().flatMap(List::stream).toList());
            } else {
                removeUseless(found, useless);
                PrefixScan.rest(asked);
            }
            done.values().forEach(Runnable::run);
        } catch (CacheUnavailableException e) {
            // Whose they were is not worth telling apart: those pages are gone over again.
            done.keySet().forEach(master -> unreached.put(master, e));
        }
    }

    /** Removes those of a page that are useless, unless they have changed since that was seen. */
    private void removeUseless(Map<Node, List<byte[]>> found, Useless those) {
        List<byte[]> keys = new ArrayList<>();
        List<RoutedRequest<byte[]>> heads = new ArrayList<>();
        found.forEach((master, page) -> page.stream()
                .filter(key -> !spared.contains(key))
                .forEach(key -> {
                    heads.add(RoutedRequest.pinned(master, Requests.head(key, those.head())));
                    keys.add(key);
                }));
        if (keys.isEmpty()) {
            return;
        }
        router.runAll(heads, System.nanoTime(), until);
        List<RoutedRequest<Long>> removals = new ArrayList<>();
        byte[] most = Integer.toString(those.head()).getBytes(StandardCharsets.US_ASCII);
        for (int i = 0; i < keys.size(); i++) {
            byte[] key = keys.get(i);
            byte[] head = heads.get(i).reply();
            if (head == null && heads.get(i).failure() instanceof CacheUnavailableException e) {
                throw e;
            }
            // What is no string is refused, and no cache's.
            if (head != null && head.length > 0 && those.says().test(head)) {
                Request<Long> removal = Script.REMOVE_HEADED.inFull(List.of(key), List.of(head, most));
                removals.add(new RoutedRequest<>(Slots.of(key), RoutedRequest.Kind.HARMLESS, removal));
            }
        }
        remove(removals);
    }

    /** What is sent again is a number, whatever the node said. */
    private String cursorOf(KeyScanCursor<byte[]> page) {
        String cursor = String.valueOf(page.getCursor());
        if (cursor.isEmpty() || cursor.length() > 20 || !cursor.chars().allMatch(c -> c >= '0' && c <= '9')) {
            throw errors.malformed("a cursor that is none");
        }
        return cursor;
    }

    /** Each by itself, those of a node together: keys of different slots can't be named in one command. */
    private void unlink(List<byte[]> keys) {
        List<RoutedRequest<Long>> allRouted = new ArrayList<>(keys.size());
        for (byte[] key : keys) {
            if (!spared.contains(key)) {
                allRouted.add(new RoutedRequest<>(
                        Slots.of(key), RoutedRequest.Kind.HARMLESS, Requests.number(CommandType.UNLINK, key)));
            }
        }
        remove(allRouted);
    }

    private void remove(List<RoutedRequest<Long>> allRouted) {
        if (allRouted.isEmpty()) {
            return;
        }
        router.runAll(allRouted, System.nanoTime(), until);
        @Nullable RuntimeException failure = null;
        for (RoutedRequest<Long> routed : allRouted) {
            if (routed.next() == RoutedRequest.Next.DONE) {
                Long count = routed.reply();
                removed += count == null ? 0 : count;
            } else if (failure == null || failure instanceof CacheRejectedException) {
                failure = routed.failure();
            }
        }
        if (failure != null) {
            throw failure instanceof CacheException known ? known : errors.disconnected(failure, true);
        }
    }
}
