package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.internal.PrefixScan;
import dev.holdfast.cache.redis.Failures;
import dev.holdfast.cache.spi.RedisScript;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.Protocol.Command;
import redis.clients.jedis.Protocol.Keyword;

/**
 * One removal of keys with a prefix: page by page, what one page found is removed before the next is asked for. What ran out of time is
 * gone on with by the next of the same prefix. Of one thread.
 */
final class PrefixRemoval {
    private static final int FIRST_PAGE = 500;
    private static final int LARGEST_PAGE = 5_000;

    private final Session session;
    private final Calls calls;
    private final String prefix;
    private final byte[] pattern;
    private final long end;

    PrefixRemoval(Session session, Calls calls, String prefix, Duration limit) {
        this.session = session;
        this.calls = calls;
        this.prefix = prefix;
        this.pattern = session.config.keyPrefix().scanPattern(prefix);
        this.end = System.nanoTime() + limit.toNanos();
    }

    /**
     * Removes all keys with the prefix.
     *
     * @param enough says when the scan has gone over what is wanted
     */
    long removeAll(PrefixScan scan, Predicate<PrefixScan> enough) {
        int count = FIRST_PAGE;
        long removed = 0;
        boolean ended = false;
        try {
            while (!enough.test(scan)) {
                long asked = System.nanoTime();
                Reply.Page page = page(scan, count);
                removed += unlink(page.keys());
                scan.moved(asked, page.since(), page.process(), page.next());
                // Pages grow, so that a server that is far away is not asked for ever.
                count = Math.min(2 * count, LARGEST_PAGE);
            }
            ended = true;
        } catch (CacheUnavailableException e) {
            // What the one before had gone over is no answer to this one, though all may be done.
            throw removed > 0 || scan.isCovered() ? Failures.outcomeUnknown(e) : e;
        } finally {
            if (!ended) {
                session.scans.failed(prefix, scan);
            }
        }
        return removed;
    }

    /** Removes keys whose values begin with what is useless, at leisure. */
    long sweep(int head, Predicate<byte[]> useless) {
        Object name = Map.entry(prefix, head); // a removal of all goes its own way
        PrefixScan scan = session.scans.begin(name);
        long removed = 0;
        try {
            while (!scan.isComplete()) {
                long asked = System.nanoTime();
                Reply.Page page = page(scan, FIRST_PAGE);
                removed += removeUseless(page.keys(), head, useless);
                scan.moved(asked, page.since(), page.process(), page.next());
                PrefixScan.rest(asked);
            }
        } finally {
            if (!scan.isComplete()) {
                session.scans.failed(name, scan);
            }
        }
        return removed;
    }

    private long removeUseless(List<byte[]> found, int head, Predicate<byte[]> useless) {
        List<byte[]> keys = unspared(found);
        List<@Nullable Object> heads = calls.sendAll(
                keys.stream()
                        .map(key -> Request.reading(Command.GETRANGE)
                                .with(key)
                                .with(0)
                                .with(head - 1))
                        .toList(),
                end);
        List<byte[]> chosen = new ArrayList<>();
        List<byte[]> arguments = new ArrayList<>();
        for (int i = 0; i < keys.size(); i++) {
            Object begins = heads.get(Math.min(i, heads.size() - 1));
            if (begins instanceof CacheUnavailableException e) {
                throw e;
            }
            // What is no string is refused, and no cache's.
            if (begins instanceof byte[] bytes && bytes.length > 0 && useless.test(bytes)) {
                chosen.add(keys.get(i));
                arguments.add(bytes);
            }
        }
        if (chosen.isEmpty()) {
            return 0;
        }
        arguments.add(Integer.toString(head).getBytes(StandardCharsets.US_ASCII));
        return calls.script(RedisScript.REMOVE_HEADED, true, chosen, arguments, Reply.NUMBER);
    }

    private long unlink(List<byte[]> found) {
        long removed = 0;
        for (List<byte[]> chunk : Chunks.of(unspared(found))) {
            Request unlink = Request.repeatable(Command.UNLINK);
            chunk.forEach(unlink::with);
            removed += calls.run(unlink, Reply.NUMBER, end);
        }
        return removed;
    }

    private List<byte[]> unspared(List<byte[]> found) {
        List<byte[]> keys = new ArrayList<>(found);
        keys.removeIf(session.spared::contains);
        return keys;
    }

    private Reply.Page page(PrefixScan scan, int count) {
        Request page = Request.reading(Command.SCAN)
                .with(scan.cursor())
                .with(Keyword.MATCH)
                .with(pattern)
                .with(Keyword.COUNT)
                .with(count);
        return calls.run(page, Reply.PAGE, end);
    }
}
