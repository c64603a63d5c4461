package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.SparedKeys;
import io.lettuce.core.KeyScanCursor;
import io.lettuce.core.protocol.CommandType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentMap;
import org.jspecify.annotations.Nullable;

/**
 * Removes every key with a prefix: SCAN on all masters at the same time, UNLINK in batches. A slot that is moved meanwhile could
 * escape, so it begins again until the slots were where they are now all the time; while slots are just being moved it goes over all
 * masters twice, since a key moves but once. What ran out of time is gone on with by the next of the same prefix.
 */
final class PrefixRemoval {
    private static final int MOST_UNFINISHED = 64;

    private final Topology topology;
    private final Router router;
    private final LettuceErrors errors;
    private final ConcurrentMap<String, PrefixProgress> unfinished;
    private final byte[] pattern;
    private final SparedKeys spared;
    private final long until;
    private long removed;

    /**
     * Prepares one.
     *
     * @param session whose keys
     * @param pattern what SCAN is to match
     * @param until when it must have ended
     */
    PrefixRemoval(Session session, byte[] pattern, long until) {
        this.topology = session.topology;
        this.router = session.router;
        this.errors = session.errors;
        this.unfinished = session.unfinishedRemovals;
        this.pattern = pattern;
        this.spared = session.spared;
        this.until = until;
    }

    /** Does it; returns how many keys there were. */
    long run() {
        String name = new String(pattern, StandardCharsets.UTF_8);
        SlotMap before = survey();
        PrefixProgress progress = unfinished.remove(name);
        while (true) {
            String signature = before.signature();
            if (progress == null || !progress.isOf(signature)) {
                progress = new PrefixProgress(signature);
            }
            try {
                sweep(before, progress);
                if (before.isMoving()) {
                    progress.again();
                    sweep(before, progress);
                }
                SlotMap after = survey();
                if (after.signature().equals(signature)) {
                    return removed;
                }
                before = after;
            } catch (CacheException e) {
                // One that is never resumed must not keep others from it.
                while (unfinished.size() >= MOST_UNFINISHED) {
                    unfinished.keySet().stream().findAny().ifPresent(unfinished::remove);
                }
                unfinished.put(name, progress);
                throw e;
            }
        }
    }

    /** Asks every master now, each for what it alone knows: which slots it is just giving or taking. */
    private SlotMap survey() {
        List<Node> masters = topology.known(until).masters();
        List<byte[]> members = askAll(masters, Requests.CLUSTER_NODES);
        boolean named = members.stream().anyMatch(View::hasHostNames);
        List<List<Object>> slots = named ? askAll(masters, Requests.CLUSTER_SLOTS) : List.of();
        List<View> views = new ArrayList<>();
        for (int i = 0; i < masters.size(); i++) {
            Node master = masters.get(i);
            try {
                views.add(View.parse(members.get(i), named ? slots.get(i) : List.of(), master.address()));
            } catch (IllegalArgumentException e) {
                throw errors.noView(master, null, e);
            }
        }
        return topology.publish(views);
    }

    /** As calls, so that a master that hangs or is gone is noticed as with any call, and is not waited for. */
    private <T> List<T> askAll(List<Node> masters, Request<T> request) {
        List<Errand<T>> questions = new ArrayList<>();
        for (Node master : masters) {
            Errand<T> question = new Errand<>(0, Errand.Kind.READ, request);
            question.pinTo(master);
            questions.add(question);
        }
        router.runAll(questions, System.nanoTime(), until);
        List<T> replies = new ArrayList<>();
        for (Errand<T> question : questions) {
            T reply = question.reply();
            if (reply == null) {
                throw unavailable(question.failure());
            }
            replies.add(reply);
        }
        return replies;
    }

    private void sweep(SlotMap map, PrefixProgress progress) {
        Map<Node, CacheUnavailableException> unreached = new LinkedHashMap<>();
        List<Node> left = new ArrayList<>(map.masters());
        while (true) {
            left.removeIf(master -> progress.isDone(master) || unreached.containsKey(master));
            if (left.isEmpty()) {
                break;
            }
            scan(left, progress, unreached);
        }
        if (!unreached.isEmpty()) {
            throw incomplete(unreached, progress, map.masters().size());
        }
        if (map.served() < Slots.COUNT) {
            throw new CacheUnavailableException(
                    "keys with the prefix may be left: not every slot is served", null, Reason.PARTIAL, removed > 0);
        }
    }

    private CacheUnavailableException incomplete(
            Map<Node, CacheUnavailableException> unreached, PrefixProgress progress, int masters) {
        List<CacheUnavailableException> failures = List.copyOf(unreached.values());
        CacheUnavailableException first = failures.get(0);
        failures.stream().filter(other -> other != first).distinct().forEach(first::addSuppressed);
        String message = "keys with the prefix may be left on " + unreached.keySet() + " (" + removed
                + " are removed, " + progress.doneCount() + " of " + masters
                + " masters are done; the next attempt goes on there): " + first.getMessage();
        boolean unknown = first.outcomeUnknown() || removed > 0;
        return first instanceof CacheTimeoutException
                ? new CacheTimeoutException(message, first, unknown)
                : new CacheUnavailableException(message, first, first.reason(), unknown);
    }

    /** One page of each master. */
    private void scan(List<Node> masters, PrefixProgress progress, Map<Node, CacheUnavailableException> unreached) {
        List<Errand<KeyScanCursor<byte[]>>> pages = new ArrayList<>();
        for (Node master : masters) {
            Errand<KeyScanCursor<byte[]>> page =
                    new Errand<>(0, Errand.Kind.READ, Requests.scan(progress.cursor(master), pattern));
            page.pinTo(master);
            pages.add(page);
        }
        router.runAll(pages, System.nanoTime(), until);
        List<byte[]> keys = new ArrayList<>();
        Map<Node, String> next = new LinkedHashMap<>();
        for (int i = 0; i < pages.size(); i++) {
            KeyScanCursor<byte[]> page = pages.get(i).reply();
            if (page != null) {
                keys.addAll(page.getKeys());
                next.put(masters.get(i), page.isFinished() ? "0" : cursorOf(page));
            } else {
                unreached.put(masters.get(i), unavailable(pages.get(i).failure()));
            }
        }
        try {
            unlink(keys);
            next.forEach(progress::moved);
        } catch (CacheUnavailableException e) {
            // Whose they were is not worth telling apart: those pages are gone over again.
            next.keySet().forEach(master -> unreached.put(master, e));
        }
    }

    /** What is sent again is a number, whatever the node said. */
    private String cursorOf(KeyScanCursor<byte[]> page) {
        String cursor = String.valueOf(page.getCursor());
        if (cursor.isEmpty() || cursor.length() > 20 || !cursor.chars().allMatch(c -> c >= '0' && c <= '9')) {
            throw errors.malformed("a cursor that is none");
        }
        return cursor;
    }

    private CacheUnavailableException unavailable(RuntimeException failure) {
        if (failure instanceof CacheUnavailableException known) {
            return known;
        }
        if (failure instanceof CacheException other) {
            throw other;
        }
        return errors.broken(failure);
    }

    /** Each by itself, those of a node together: keys of different slots can't be named in one command. */
    private void unlink(List<byte[]> keys) {
        List<Errand<Long>> errands = new ArrayList<>(keys.size());
        for (byte[] key : keys) {
            if (!spared.contains(key)) {
                errands.add(
                        new Errand<>(Slots.of(key), Errand.Kind.HARMLESS, Requests.number(CommandType.UNLINK, key)));
            }
        }
        if (errands.isEmpty()) {
            return;
        }
        router.runAll(errands, System.nanoTime(), until);
        @Nullable RuntimeException failure = null;
        for (Errand<Long> errand : errands) {
            if (errand.next() == Errand.Next.DONE) {
                Long count = errand.reply();
                removed += count == null ? 0 : count;
            } else if (failure == null || failure instanceof CacheRejectedException) {
                failure = errand.failure();
            }
        }
        if (failure != null) {
            throw failure instanceof CacheException known ? known : errors.disconnected(failure, true);
        }
    }
}
