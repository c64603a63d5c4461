package dev.holdfast.streams;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import redis.clients.jedis.Protocol;

/**
 * Reads a client's reply stream, on one connection for all its callers. It keeps no position: what it has read it deletes, and always reads from the
 * beginning. So nothing is skipped when the stream is lost and made again by a server whose clock is behind, and the stream holds only what
 * nobody has read.
 *
 * <p>A reply is in memory as a whole, so it waits for one entry only; while there are more it asks for them by their bytes. Whether there are is told with
 * the entry, where that costs no round trip of its own. An answer that does not fit into the memory alone is given up, and its caller told so, or it would be in
 * the way of all behind it.
 */
final class ReplyReader implements SteadyThread.Turn, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ReplyReader.class);
    /** How long one read waits in the server. */
    static final long BLOCK_MILLIS = 1_000;

    private static final int MOST_BYTES = 4 << 20;
    private static final int MOST_ENTRIES = 256;
    private static final int MOST_ERRORS = 5;

    private final Redis redis;
    private final Calls calls;
    private final byte[] replies;
    private final boolean clustered;
    private final Pause pause = new Pause(LOG, "reading replies", null);
    private final SteadyThread thread = new SteadyThread("holdfast-requests-replies", this, this::failed);
    private List<Object> read = List.of();
    private boolean more;
    private int mostBytes = MOST_BYTES;
    private int errors;

    /** Reads over {@code redis}, on which nobody else waits; in a cluster that sends each command by itself. */
    ReplyReader(Redis redis, Calls calls, byte[] replies, boolean clustered) {
        this.redis = redis;
        this.clustered = clustered;
        this.calls = calls;
        this.replies = replies;
    }

    /** Sees to it that replies are read; says whether they are. */
    boolean ensure() {
        return thread.ensure();
    }

    Optional<String> trouble() {
        return pause.trouble();
    }

    /** What has kept replies from being read for so long that calls make no sense. */
    Optional<String> lastingTrouble() {
        return pause.lastingTrouble();
    }

    @Override
    public void take() {
        calls.deliverLate();
        if (errors >= MOST_ERRORS) {
            giveUpFirst();
        }
        List<Command> commands = new ArrayList<>();
        if (!read.isEmpty()) {
            commands.add(Command.of(Protocol.Command.XDEL, replies, read.toArray()));
        }
        int asked = commands.size();
        commands.add(
                more
                        ? Script.READ_REPLIES.on(replies, mostBytes, MOST_ENTRIES)
                        : Command.read(replies, 1, BLOCK_MILLIS));
        if (!clustered) {
            commands.add(Command.of(Protocol.Command.XLEN, replies));
        }
        List<@Nullable Object> answers = redis.all(commands);
        Object reply = answers.get(asked);
        if (reply instanceof RuntimeException e) {
            throw e;
        }
        List<StreamReply.Entry> entries = more ? StreamReply.entries(StreamReply.list(reply)) : StreamReply.read(reply);
        RuntimeException refused = asked > 0 && answers.get(0) instanceof RuntimeException e ? e : null;
        // What could not be removed is read again.
        deliver(entries, refused == null ? Set.of() : new LinkedHashSet<>(read));
        more = !entries.isEmpty() && (clustered || areMore(answers.get(asked + 1), entries.size()));
        mostBytes = Math.min(2 * mostBytes, MOST_BYTES);
        errors = 0;
        if (refused != null) {
            throw refused;
        }
        pause.worked();
    }

    /** Whether the stream had more entries than those; if it does not say, then it is looked at. */
    private static boolean areMore(@Nullable Object length, int entries) {
        return !(length instanceof Long present) || present > entries;
    }

    /** Delivers the entries but those that were delivered before and are in the stream still; all of them are to be removed. */
    private void deliver(List<StreamReply.Entry> entries, Set<Object> before) {
        List<Object> ids = new ArrayList<>(before);
        for (StreamReply.Entry entry : entries) {
            if (before.contains(entry.id())) {
                continue;
            }
            ids.add(entry.id());
            byte[] id = entry.fields().get("i");
            byte[] answer = entry.fields().get("a");
            if (id != null && answer != null && answer.length > 0) {
                calls.answer(StreamReply.text(id), new Answer(answer));
            }
        }
        read = ids;
    }

    private void failed(Throwable e) {
        if (e instanceof RuntimeException known && Trouble.isGroupGone(known)) {
            more = false;
            return;
        }
        if (e instanceof Error) {
            mostBytes = 1;
            errors++;
        }
        pause.failed(e);
        pause.rest();
    }

    private void giveUpFirst() {
        Object id = redis.once(Script.DROP_REPLY.on(replies));
        errors = 0;
        if (id != null) {
            LOG.warn("an answer to {} is given up, it does not fit into the memory", StreamReply.text(id));
            calls.answer(StreamReply.text(id), Answer.failure("the answer does not fit into the client's memory"));
        }
    }

    @Override
    public void close() {
        thread.close();
    }
}
