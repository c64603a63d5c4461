package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.internal.PrefixScan;
import dev.holdfast.cache.internal.PrefixScans;
import dev.holdfast.cache.redis.Failures;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * One removal of all keys with a prefix: page by page, what one page found is removed before the next is asked for. What ran out of time is
 * gone on with by the next of the same prefix. Not thread-safe.
 */
final class PrefixRemoval {
    /** Each page is a round trip, and a command to be paid for; larger ones make others wait for milliseconds. */
    private static final int LARGEST_PAGE = 8_000;

    /** What the removals of one store have in common. */
    static final class Unfinished {
        final PrefixScans scans = new PrefixScans();
        final Processes processes = new Processes();
    }

    private final Calls calls;
    private final Unfinished unfinished;
    private final Processes.Seen processes;
    private final String pattern;
    private final String mine;
    private final Duration limit;
    private long removed;
    private boolean begun;

    PrefixRemoval(Calls calls, Unfinished unfinished, String prefix, Duration limit) {
        this.calls = calls;
        this.unfinished = unfinished;
        this.processes = unfinished.processes.seen();
        this.pattern = new String(calls.prefix.scanPattern(prefix), StandardCharsets.UTF_8);
        this.mine = calls.prefix.apply(prefix);
        this.limit = limit;
    }

    long run() {
        long deadline = System.nanoTime() + limit.toNanos();
        PrefixScan scan = unfinished.scans.begin(pattern);
        boolean ended = false;
        try {
            int size = 1_000;
            while (!scan.isComplete()) {
                long asked = System.nanoTime();
                List<Reply> page = page(scan.cursor(), size, deadline);
                remove(page.get(1).array(), deadline);
                scan.moved(asked, processes.since(), cursor(page.get(0)));
                size = Math.min(LARGEST_PAGE, size * 2);
            }
            ended = true;
        } catch (CacheUnavailableException e) {
            ended = scan.isCovered() && System.nanoTime() - deadline >= 0;
            if (!ended) {
                throw begun ? Failures.outcomeUnknown(e) : e;
            }
        } finally {
            if (!ended) {
                unfinished.scans.failed(pattern, scan);
            }
        }
        return removed;
    }

    private List<Reply> page(String cursor, int size, long deadline) {
        Command scan = Command.of("SCAN", cursor, "MATCH", pattern, "COUNT", Integer.toString(size));
        try {
            // Most removals have one page, which needs no name.
            return cursor.equals(PrefixScan.START)
                    ? calls.run(scan, deadline, reply -> checked(reply.array()))
                    : namedPage(scan, deadline);
        } catch (CacheRejectedException e) {
            // The page would be larger than the database gives away at once.
            if (size <= 10 || !String.valueOf(e.getMessage()).contains("size exceeded")) {
                throw e;
            }
            return page(cursor, size / 10, deadline);
        }
    }

    /**
     * A page, and by whom: a cursor means nothing to another process than the one that gave it. The name is asked for last, so that a process which
     * took the other's place in between counts as another for the page too.
     */
    private List<Reply> namedPage(Command scan, long deadline) {
        List<Reply> both = calls.runAll(List.of(scan, Processes.NAME), deadline);
        unfinished.processes.met(both.get(1));
        if (both.get(0) instanceof Reply.Failure failure) {
            throw calls.rest.errors().text(scan.name(), failure.text());
        }
        return calls.understood(scan, both.get(0), reply -> checked(reply.array()));
    }

    private List<Reply> checked(List<Reply> page) {
        if (page.size() != 2 || !(page.get(1) instanceof Reply.Array keys)) {
            throw new MalformedReplyException("a cursor and keys were expected");
        }
        cursor(page.get(0));
        for (Reply key : keys.values()) {
            if (!text(key).startsWith(mine)) {
                throw new MalformedReplyException("a key was named that does not begin with what was asked for");
            }
        }
        return page;
    }

    private void remove(List<Reply> keys, long deadline) {
        Set<String> distinct = new LinkedHashSet<>();
        for (Reply key : keys) {
            String text = text(key);
            if (!calls.spared.contains(text.getBytes(StandardCharsets.UTF_8))) {
                distinct.add(text);
            }
        }
        List<String> all = List.copyOf(distinct);
        for (int from = 0; from < all.size(); from += MultiKey.MAX_KEYS) {
            List<String> some = all.subList(from, Math.min(all.size(), from + MultiKey.MAX_KEYS));
            List<String> parts = new ArrayList<>(some.size() + 1);
            parts.add("UNLINK");
            parts.addAll(some);
            removed += calls.run(Command.of(parts), deadline, reply -> reply.count(some.size()));
            begun = true;
        }
    }

    private static String cursor(Reply reply) {
        String cursor = text(reply);
        boolean number =
                !cursor.isEmpty() && cursor.length() <= 20 && cursor.chars().allMatch(c -> c >= '0' && c <= '9');
        if (!number) {
            throw new MalformedReplyException("a cursor that is no number");
        }
        return cursor;
    }

    private static String text(Reply reply) {
        byte[] bytes = reply.bytes();
        if (bytes == null) {
            throw new MalformedReplyException("a text was expected, not null");
        }
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
