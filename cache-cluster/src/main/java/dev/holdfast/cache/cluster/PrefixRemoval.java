package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import io.lettuce.core.KeyScanCursor;
import io.lettuce.core.protocol.CommandType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Removes every key with a prefix: SCAN on each master, UNLINK in batches. A slot that is moved meanwhile could escape, so it begins
 * again until the slots were where they are now all the time; while slots are just being moved it goes over all masters
 * twice, since a key moves but once.
 */
final class PrefixRemoval {
    private final Topology topology;
    private final Router router;
    private final LettuceErrors errors;
    private final byte[] pattern;
    private final byte[] spared;
    private final long until;
    private long removed;

    /**
     * Prepares one.
     *
     * @param pattern what SCAN is to match
     * @param spared what keys begin with that stay: without its canary each client would believe that the cluster had lost its
     *     writes
     * @param until when it must have ended
     */
    PrefixRemoval(Topology topology, Router router, LettuceErrors errors, byte[] pattern, byte[] spared, long until) {
        this.topology = topology;
        this.router = router;
        this.errors = errors;
        this.pattern = pattern;
        this.spared = spared;
        this.until = until;
    }

    /** Does it; returns how many keys there were. */
    long run() {
        SlotMap before = topology.survey(until);
        while (true) {
            sweep(before);
            if (before.isMoving()) {
                sweep(before);
            }
            SlotMap after = topology.survey(until);
            if (after.signature().equals(before.signature())) {
                return removed;
            }
            before = after;
        }
    }

    private void sweep(SlotMap map) {
        List<Node> unreached = new ArrayList<>();
        CacheUnavailableException first = null;
        for (Node master : map.masters()) {
            try {
                sweep(master);
            } catch (CacheUnavailableException e) {
                unreached.add(master);
                if (first == null) {
                    first = e;
                } else {
                    first.addSuppressed(e);
                }
            }
        }
        if (first != null) {
            throw incomplete(unreached, first);
        }
        if (map.served() < Slots.COUNT) {
            throw new CacheUnavailableException(
                    "keys with the prefix may be left: not every slot is served", null, Reason.PARTIAL, removed > 0);
        }
    }

    private CacheUnavailableException incomplete(List<Node> unreached, CacheUnavailableException first) {
        String message = "keys with the prefix may be left on " + unreached + ": " + first.getMessage();
        boolean unknown = first.outcomeUnknown() || removed > 0;
        return first instanceof CacheTimeoutException
                ? new CacheTimeoutException(message, first, unknown)
                : new CacheUnavailableException(message, first, first.reason(), unknown);
    }

    private void sweep(Node master) {
        String cursor = "0";
        do {
            KeyScanCursor<byte[]> page = router.runAt(master, Requests.scan(cursor, pattern), until);
            unlink(page.getKeys());
            cursor = page.isFinished() ? "0" : page.getCursor();
        } while (!cursor.equals("0"));
    }

    /** Each by itself, in one write: keys of different slots can't be named in one command. */
    private void unlink(List<byte[]> keys) {
        List<Errand<Long>> errands = new ArrayList<>(keys.size());
        for (byte[] key : keys) {
            if (!startsWithSpared(key)) {
                errands.add(new Errand<>(Slots.of(key), false, Requests.number(CommandType.UNLINK, key)));
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

    private boolean startsWithSpared(byte[] key) {
        return key.length >= spared.length && Arrays.equals(key, 0, spared.length, spared, 0, spared.length);
    }
}
