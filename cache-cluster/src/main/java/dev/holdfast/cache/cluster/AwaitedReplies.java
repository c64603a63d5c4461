package dev.holdfast.cache.cluster;

import io.lettuce.core.protocol.AsyncCommand;
import io.lettuce.core.protocol.CommandType;
import io.lettuce.core.protocol.RedisStateMachine;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.List;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * The replies that are awaited on one connection. They come in the order of the commands, and that is all there is to tell them apart.
 * So whatever puts that in doubt (a reply too many, a malformed or too large one) is thrown before anything else is read, and the
 * connection has to end. While it is never idle, {@link Pairing} looks whether they still belong together. A command that its caller
 * gave up after it was written keeps its place, and its reply is dropped.
 *
 * <p>Lettuce encodes the commands and decodes the replies, which it gets whole. Used by one event loop only, unless said otherwise.
 */
final class AwaitedReplies {
    private static final int FIRST_UNREAD_BYTES = 64 * 1024;

    private final ByteBufAllocator allocator;
    private final long maxValueBytes;
    private final ReplyFrames frames = new ReplyFrames();
    private final Pairing pairing = new Pairing();
    private final RedisStateMachine decoder = new RedisStateMachine();
    private final Queue<AsyncCommand<byte[], byte[], ?>> awaited = new ArrayDeque<>();
    private @Nullable Throwable misfit;

    /** What has come of a reply that is not whole yet. */
    private volatile @Nullable ByteBuf unread;

    private volatile boolean large;

    AwaitedReplies(ByteBufAllocator allocator, long maxValueBytes) {
        this.allocator = allocator;
        this.maxValueBytes = maxValueBytes;
    }

    /** How many there are. */
    int count() {
        return awaited.size();
    }

    /** Whether one has begun to come; for any thread. */
    boolean hasBegun() {
        return unread != null;
    }

    /** Whether one of {@value ReplyFrames#LARGE_BYTES} bytes or more has begun to come; for any thread. */
    boolean isLarge() {
        return large;
    }

    /** Has the next commands show that the replies are those to them. */
    void doubt() {
        pairing.doubt();
    }

    /**
     * Encodes batches of commands, which await their replies from now on. A batch of which a command was given up already is left out
     * as a whole.
     *
     * @param readAt when bytes last came
     */
    void encode(List<List<? extends AsyncCommand<byte[], byte[], ?>>> batches, ByteBuf out, long readAt) {
        long now = System.nanoTime();
        if (awaited.isEmpty()) {
            pairing.sentAlone(now, readAt);
        }
        if (pairing.isDue(now)) {
            AsyncCommand<byte[], byte[], ?> mark = pairing.mark();
            mark.encode(out);
            awaited.add(mark);
        }
        for (List<? extends AsyncCommand<byte[], byte[], ?>> batch : batches) {
            if (isWanted(batch)) {
                for (AsyncCommand<byte[], byte[], ?> command : batch) {
                    command.encode(out);
                }
                awaited.addAll(batch);
            }
        }
    }

    private static boolean isWanted(List<? extends AsyncCommand<byte[], byte[], ?>> batch) {
        for (AsyncCommand<byte[], byte[], ?> command : batch) {
            if (command.isDone()) {
                batch.forEach(AsyncCommand::cancel);
                return false;
            }
        }
        return true;
    }

    /**
     * Reads what has come, and keeps a reply that has begun.
     *
     * @throws MalformedReplyException if the replies are none, or not those to the commands
     * @throws ReplyTooLargeException if one is
     */
    void read(ByteBuf in) {
        ByteBuf kept = unread;
        if (kept == null) {
            answer(in);
            // Nothing is awaited any more if this was the end of the connection.
            if (in.isReadable() && !awaited.isEmpty()) {
                unread = allocator
                        .heapBuffer(Math.max(FIRST_UNREAD_BYTES, in.readableBytes()))
                        .writeBytes(in);
            }
        } else {
            append(kept, in);
            answer(kept);
            forgetRead();
        }
    }

    /** Answers what whole replies answer, but nothing if there are more replies than commands. */
    private void answer(ByteBuf in) {
        Iterator<AsyncCommand<byte[], byte[], ?>> asked = awaited.iterator();
        int whole = 0;
        int end = in.readerIndex();
        while (end < in.writerIndex()) {
            if (!asked.hasNext()) {
                throw new MalformedReplyException("a reply that nobody asked for");
            }
            int length = lengthOf(in, end, asked.next());
            if (length < 0) {
                break;
            }
            end += length;
            whole++;
        }
        large = frames.isLarge();
        while (whole-- > 0 && !awaited.isEmpty()) {
            answerNext(in);
        }
    }

    private int lengthOf(ByteBuf in, int start, AsyncCommand<byte[], byte[], ?> command) {
        try {
            long most = command.getType() == CommandType.GET ? maxValueBytes : ReplyFrames.MOST_CONTROL_BYTES;
            return frames.lengthOf(in, start, most);
        } catch (ReplyTooLargeException e) {
            // The others have only lost their connection.
            command.completeExceptionally(e);
            throw e;
        }
    }

    private void answerNext(ByteBuf in) {
        AsyncCommand<byte[], byte[], ?> command = awaited.element();
        misfit = null;
        if (command.getType() == CommandType.GET && isNoValue(in.getByte(in.readerIndex()))) {
            throw new MalformedReplyException("a reply that does not fit " + command.getType());
        }
        boolean complete = decoder.decode(in, command.getOutput(), e -> misfit = e);
        if (!complete || misfit != null) {
            throw new MalformedReplyException("a reply that does not fit " + command.getType(), misfit);
        }
        pairing.answered(command);
        awaited.remove();
        command.complete();
    }

    /** Whether a reply that begins so is a status or a number, which Lettuce would take for the bytes of a value. */
    private static boolean isNoValue(byte kind) {
        return kind == '+' || kind == ':';
    }

    /** Makes room for twice of what has come, at most for what is announced: who announces much need not send it. */
    private void append(ByteBuf kept, ByteBuf in) {
        int needed = kept.writerIndex() + in.readableBytes();
        if (needed > kept.capacity()) {
            long announced = Math.max(needed, kept.readerIndex() + frames.announcedBytes());
            kept.capacity((int) Math.min(announced, Math.max(needed, 2L * kept.capacity())));
        }
        kept.writeBytes(in);
    }

    private void forgetRead() {
        ByteBuf kept = unread;
        if (kept != null && !kept.isReadable()) {
            unread = null;
            kept.release();
        } else if (kept != null) {
            kept.discardSomeReadBytes();
        }
    }

    /** Fails all that are awaited: the connection was lost for this reason, and nothing is read any more. */
    void fail(Throwable why) {
        ByteBuf kept = unread;
        if (kept != null) {
            unread = null;
            kept.release();
        }
        for (AsyncCommand<byte[], byte[], ?> command = awaited.poll(); command != null; command = awaited.poll()) {
            command.completeExceptionally(new LostException(why));
        }
    }
}
