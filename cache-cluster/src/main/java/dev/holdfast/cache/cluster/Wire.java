package dev.holdfast.cache.cluster;

import dev.holdfast.cache.redis.Authentication;
import io.lettuce.core.protocol.AsyncCommand;
import io.lettuce.core.protocol.CommandType;
import io.lettuce.core.protocol.RedisStateMachine;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * One TCP connection to a node. It writes commands and gives each reply to the command that it answers: replies come in the order
 * of the commands, and that is all there is to tell them apart. So whatever puts that in doubt (a reply too many, a malformed or
 * too large one, an exception of any kind) resets it at once, before anything else is read, and all that is in flight on it
 * fails. While it is never idle, {@link Pairing} looks whether they still belong together. A command that its caller gave up after it
 * was written keeps its place, and its reply is dropped.
 *
 * <p>Lettuce encodes the commands and decodes the replies, which it gets whole. Used by its event loop only, unless said otherwise.
 */
final class Wire extends ChannelInboundHandlerAdapter {
    private static final int FIRST_UNREAD_BYTES = 64 * 1024;

    /** Something large is written in pieces, so that it can be seen how it gets on. */
    private static final int SLICE_BYTES = 64 * 1024;

    private final Channel channel;
    private final long maxValueBytes;
    private final ReplyFrames frames = new ReplyFrames();
    private final Pairing pairing = new Pairing();
    private final RedisStateMachine decoder = new RedisStateMachine();
    private final Queue<AsyncCommand<byte[], byte[], ?>> awaited = new ArrayDeque<>();
    private final Runnable forgetLoop;
    private volatile @Nullable Authentication words;
    private volatile @Nullable String zone;
    private @Nullable ByteBuf unread;
    private @Nullable Throwable failure;
    private @Nullable Throwable misfit;
    private volatile long readAt = System.nanoTime();
    private volatile long sentAt = readAt;
    private volatile long pieceAt = readAt;
    private volatile long writtenAt = readAt;
    private volatile boolean receivesLarge;
    private volatile boolean receives;

    Wire(Channel channel, long maxValueBytes) {
        this.channel = channel;
        this.maxValueBytes = maxValueBytes;
        this.forgetLoop = Loops.whenEnded(channel.eventLoop(), this::loopEnded);
    }

    /**
     * Notes what the node said when it was greeted; for any thread.
     *
     * @param with what it was logged in with; {@code null} for nothing
     * @param of the zone that the node is in; {@code null} if it is not known
     */
    void entered(@Nullable Authentication with, @Nullable String of) {
        words = with;
        zone = of;
    }

    /** What it is logged in with; {@code null} for nothing; for any thread. */
    @Nullable
    Authentication words() {
        return words;
    }

    /** Notes that it was logged in anew; for any thread. */
    void words(Authentication with) {
        words = with;
    }

    /** The zone that the node is in; {@code null} if it is not known; for any thread. */
    @Nullable
    String zone() {
        return zone;
    }

    /** Its channel; for any thread. */
    Channel channel() {
        return channel;
    }

    /** Whether it is open; for any thread. */
    boolean isOpen() {
        return channel.isActive() && !channel.eventLoop().isShuttingDown();
    }

    /** When bytes were last read from it, or it was made; for any thread. */
    long readAt() {
        return readAt;
    }

    /** When commands were last handed to the system, or it was made; for any thread. */
    long writtenAt() {
        return writtenAt;
    }

    /** Whether a reply of {@value ReplyFrames#LARGE_BYTES} bytes or more has begun to come; for any thread. */
    boolean receivesLarge() {
        return receivesLarge;
    }

    /** Whether a reply of any size has begun to come; for any thread. */
    boolean receives() {
        return receives;
    }

    /**
     * When anything last came in, or a piece of something large went out, which the system does not take for ever from a server that
     * reads nothing; for any thread.
     */
    long movedAt() {
        return readAt - pieceAt > 0 ? readAt : pieceAt;
    }

    /** Whether the system has not yet taken all that was written; for any thread. */
    boolean isSending() {
        return sentAt - writtenAt < 0;
    }

    /**
     * Writes batches of commands, all in one write. A batch of which a command was given up already is left out as a whole.
     *
     * @param batches each to be written without others between its commands
     */
    void write(List<List<? extends AsyncCommand<byte[], byte[], ?>>> batches) {
        ByteBuf out = null;
        try {
            requireOpen();
            long now = System.nanoTime();
            if (awaited.isEmpty()) {
                pairing.sentAlone(now, readAt);
            }
            out = channel.alloc().ioBuffer();
            if (pairing.isDue(now)) {
                mark(out);
            }
            for (List<? extends AsyncCommand<byte[], byte[], ?>> batch : batches) {
                if (isWanted(batch)) {
                    for (AsyncCommand<byte[], byte[], ?> command : batch) {
                        command.encode(out);
                    }
                    awaited.addAll(batch);
                }
            }
        } catch (Throwable e) {
            if (out != null) {
                out.release();
            }
            // Some are awaited though nothing was written; so this is the end, and none was sent.
            UnsentException why = new UnsentException(e);
            batches.forEach(batch -> batch.forEach(command -> command.completeExceptionally(why)));
            end(e);
            return;
        }
        if (!out.isReadable()) {
            out.release();
            return;
        }
        writtenAt = System.nanoTime();
        while (out.readableBytes() > SLICE_BYTES) {
            channel.write(out.readRetainedSlice(SLICE_BYTES)).addListener(done -> {
                pieceAt = System.nanoTime();
                written(done);
            });
        }
        channel.writeAndFlush(out).addListener(this::written);
    }

    private void mark(ByteBuf out) {
        AsyncCommand<byte[], byte[], byte[]> mark = pairing.next();
        if (mark != null) {
            mark.encode(out);
            awaited.add(mark);
        }
    }

    /** Has it show soon that its replies are those to its commands; for any thread. */
    void verify() {
        onLoop(() -> {
            if (failure == null && channel.isActive()) {
                pairing.doubt();
                write(List.of());
            }
        });
    }

    private void written(Future<?> done) {
        if (done.isSuccess()) {
            sentAt = System.nanoTime();
        } else {
            end(done.cause());
        }
    }

    private void requireOpen() {
        if (failure != null || !channel.isActive()) {
            throw new UnsentException(failure);
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

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        readAt = System.nanoTime();
        ByteBuf in = (ByteBuf) message;
        if (failure != null) {
            in.release();
            return;
        }
        try {
            if (unread == null) {
                answer(in);
                keep(in);
            } else {
                append(unread, in);
                answer(unread);
                forgetRead();
            }
        } catch (Throwable e) {
            end(e);
        } finally {
            in.release();
            if (receives != (unread != null)) {
                receives = !receives;
            }
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
        receivesLarge = frames.isLarge();
        while (whole-- > 0 && failure == null) {
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

    /** Keeps a reply that has begun. */
    private void keep(ByteBuf in) {
        if (in.isReadable() && failure == null) {
            ByteBuf kept = channel.alloc().heapBuffer(Math.max(FIRST_UNREAD_BYTES, in.readableBytes()));
            unread = kept.writeBytes(in);
        }
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

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        end(cause);
    }

    /** Its channel is done with, as one that never opened is, of which nothing else is said. */
    @Override
    public void handlerRemoved(ChannelHandlerContext context) {
        end(new ClosedByPeerException());
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        end(new ClosedByPeerException());
    }

    /** Resets it and fails what is in flight. To close it ends it again, from within: the first reason stands. */
    void end(Throwable why) {
        end(why, this::resetNow);
    }

    /** Its event loop has ended, and does nothing for it any more. */
    private void loopEnded() {
        end(new IOException("its event loop has ended"), () -> {
            try {
                channel.unsafe().closeForcibly();
            } catch (Throwable e) {
                // Netty wants its loop for this, or its memory: the system closes it with the last that refers to it.
            }
        });
    }

    private void end(Throwable why, Runnable reset) {
        Throwable first = failure == null ? why : failure;
        if (failure == null) {
            failure = why;
            forgetLoop.run();
            reset.run();
            if (unread != null) {
                unread.release();
                unread = null;
            }
        }
        for (AsyncCommand<byte[], byte[], ?> command = awaited.poll(); command != null; command = awaited.poll()) {
            command.completeExceptionally(new LostException(first));
        }
    }

    /** Resets it soon, so that what the node has not read is dropped; for any thread. */
    void reset(Throwable why) {
        onLoop(() -> end(why));
    }

    /** Does something on its event loop, unless that has ended, and with it the connection; for any thread. */
    void onLoop(Runnable task) {
        try {
            channel.eventLoop().execute(task);
        } catch (RejectedExecutionException e) {
            // What was in flight fails with the loop.
        }
    }

    private void resetNow() {
        if (channel.isOpen()) {
            // Past the pipeline: TLS would wait for its farewell to be read.
            channel.config().setOption(ChannelOption.SO_LINGER, 0);
            channel.unsafe().close(channel.voidPromise());
        }
    }

    /** How many commands are in flight. */
    int inFlight() {
        return awaited.size();
    }
}
