package dev.holdfast.cache.cluster;

import dev.holdfast.cache.redis.TrackingDialogue;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.io.IOException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A connection that was opened and logged in like any other, and carries a dialogue on changes from then on: it reads in the place of its {@link Wire}, on the
 * event loop, which nothing here blocks. Ends once, for whatever reason, and says so.
 */
final class TrackingWire extends ChannelInboundHandlerAdapter implements TrackingDialogue.Carrier {
    private static final int BUFFER_BYTES = 64 * 1024;

    private final Wire wire;
    private final Channel channel;
    private final Consumer<Throwable> whenEnded;
    private final AtomicBoolean over = new AtomicBoolean();
    /** Of the event loop, as what follows. */
    private final byte[] buffer = new byte[BUFFER_BYTES];

    private @Nullable TrackingDialogue dialogue;
    private Runnable forgetLoop = () -> {};

    /**
     * Creates one that reads nothing yet.
     *
     * @param whenEnded is told once why it ended
     */
    TrackingWire(Wire wire, Consumer<Throwable> whenEnded) {
        this.wire = wire;
        this.channel = wire.channel();
        this.whenEnded = whenEnded;
    }

    /** Has it carry a dialogue; for any thread. */
    void begin(TrackingDialogue carried) {
        forgetLoop = Loops.whenEnded(channel.eventLoop(), () -> end(new IOException("its event loop has ended")));
        onLoop(() -> {
            dialogue = carried;
            channel.pipeline().addBefore(channel.pipeline().context(wire).name(), "tracking", this);
            if (!wire.isOpen()) {
                throw new ClosedByPeerException();
            }
            carried.begin();
            later(this::beat, TrackingDialogue.BEAT_NANOS);
            later(this::requireAnswers, TrackingDialogue.ANSWER_NANOS);
        });
    }

    private interface Step {
        void run() throws Exception;
    }

    private void onLoop(Step step) {
        try {
            channel.eventLoop().execute(() -> guarded(step));
        } catch (RejectedExecutionException e) {
            end(e);
        }
    }

    /** Nothing that goes wrong leaves a guard alive. */
    private void guarded(Step step) {
        try {
            if (!over.get()) {
                step.run();
            }
        } catch (Throwable e) {
            end(e);
        }
    }

    private void later(Step step, long nanos) {
        Object unused = channel.eventLoop().schedule(() -> guarded(step), nanos, TimeUnit.NANOSECONDS);
    }

    private void beat() throws IOException {
        TrackingDialogue present = dialogue;
        if (present != null) {
            present.beat();
            later(this::beat, TrackingDialogue.BEAT_NANOS);
            later(this::requireAnswers, TrackingDialogue.ANSWER_NANOS);
        }
    }

    private void requireAnswers() throws TimeoutException {
        TrackingDialogue present = dialogue;
        if (present != null && System.nanoTime() - present.answerUntil() >= 0) {
            throw new TimeoutException("no answer on the tracking connection in time");
        }
    }

    /** {@inheritDoc} Also on the event loop by a task, behind those of other threads. */
    @Override
    public void send(byte[] command) throws IOException {
        if (over.get()) {
            throw new IOException("the tracking connection has ended");
        }
        onLoop(() -> channel.writeAndFlush(Unpooled.wrappedBuffer(command)).addListener(done -> {
            if (!done.isSuccess()) {
                end(done.cause());
            }
        }));
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        ByteBuf in = (ByteBuf) message;
        try {
            TrackingDialogue present = dialogue;
            while (present != null && in.isReadable() && !over.get()) {
                int count = Math.min(in.readableBytes(), buffer.length);
                in.readBytes(buffer, 0, count);
                present.feed(buffer, 0, count);
            }
        } catch (Throwable e) {
            end(e);
        } finally {
            in.release();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        end(new ClosedByPeerException());
        context.fireChannelInactive();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        end(cause);
    }

    /** Ends it; for any thread. */
    void end(Throwable why) {
        if (over.compareAndSet(false, true)) {
            try {
                whenEnded.accept(why);
            } finally {
                forgetLoop.run();
                wire.reset(why);
            }
        }
    }
}
