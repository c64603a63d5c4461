package dev.holdfast.cache.cluster;

import dev.holdfast.cache.redis.Authentication;
import io.lettuce.core.protocol.AsyncCommand;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One TCP connection to a node. It writes commands, has {@link AwaitedReplies} read what comes, and ends once, whatever the reason: an
 * exception of any kind resets it at once, before anything else is read, and all that is in flight on it fails. Used by its event loop
 * only, unless said otherwise.
 */
final class Wire extends ChannelInboundHandlerAdapter {
    /** Something large is written in pieces, so that it can be seen how it gets on. */
    private static final int SLICE_BYTES = 64 * 1024;

    private final Channel channel;
    private final AwaitedReplies replies;
    private final Runnable forgetLoop;
    private volatile @Nullable Authentication words;
    private volatile @Nullable String zone;
    private @Nullable Throwable failure;
    private volatile long readAt = System.nanoTime();
    private volatile long sentAt = readAt;
    private volatile long pieceAt = readAt;
    private volatile long writtenAt = readAt;

    Wire(Channel channel, long maxValueBytes) {
        this.channel = channel;
        this.replies = new AwaitedReplies(channel.alloc(), maxValueBytes);
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

    /** Whether a reply so large has begun to come that it holds up others; for any thread. */
    boolean receivesLarge() {
        return replies.isLarge();
    }

    /** Whether a reply of any size has begun to come; for any thread. */
    boolean receives() {
        return replies.hasBegun();
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
            if (!isUsable()) {
                throw new UnsentException(failure);
            }
            out = channel.alloc().ioBuffer();
            replies.encode(batches, out, readAt);
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

    private boolean isUsable() {
        return failure == null && channel.isActive();
    }

    /** Has it show soon that its replies are those to its commands; for any thread. */
    void verify() {
        onLoop(() -> {
            if (isUsable()) {
                replies.doubt();
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

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        readAt = System.nanoTime();
        ByteBuf in = (ByteBuf) message;
        try {
            if (failure == null) {
                replies.read(in);
            }
        } catch (Throwable e) {
            end(e);
        } finally {
            in.release();
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
        }
        replies.fail(first);
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

    /** As {@link #onLoop}, some time after what the loop has to do by then, as reading what has come; for any thread. */
    void later(Runnable task, long millis) {
        onLoop(() -> {
            Object unused = channel.eventLoop().schedule(task, millis, TimeUnit.MILLISECONDS);
        });
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
        return replies.count();
    }
}
