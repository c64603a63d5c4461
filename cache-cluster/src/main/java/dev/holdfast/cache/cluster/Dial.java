package dev.holdfast.cache.cluster;

import dev.holdfast.cache.TlsConfig;
import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.redis.Authentication;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.ConnectTimeoutException;
import io.netty.channel.EventLoop;
import io.netty.handler.ssl.SslHandler;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * One attempt to connect to a node: looks up its name, tries its addresses in turn, each with an equal part of the time that is
 * left, and logs in. It speaks RESP 2 on purpose, since nothing here needs more: there is no HELLO that an old proxy could refuse. All of it together takes at
 * most the connect timeout, and all but the lookup happens on an event loop.
 */
final class Dial {
    private static final long BEAT_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    /** An event loop that comes so much later was kept from running. */
    private static final long LATE_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    private final Address node;
    private final ClusterConfig config;
    private final Wiring wiring;
    private final EventLoop loop;
    private final Consumer<Channel> began;
    private final CompletableFuture<Wire> result = new CompletableFuture<>();

    // Of the event loop.
    private long until;
    private long beatDue;
    private boolean stalled;
    private boolean repeated;

    /** What a log-in was begun with, until that led to another attempt. */
    private @Nullable Authentication begunWith;

    private boolean loggedInAnew;

    private Dial(Address node, ClusterConfig config, Wiring wiring, Consumer<Channel> began) {
        this.node = node;
        this.config = config;
        this.wiring = wiring;
        this.loop = wiring.loop();
        this.began = began;
    }

    /**
     * Begins one.
     *
     * @param began is given every channel that is opened, on an event loop
     */
    static CompletableFuture<Wire> begin(Address node, ClusterConfig config, Wiring wiring, Consumer<Channel> began) {
        try {
            Dial dial = new Dial(node, config, wiring, began);
            Runnable forget = Loops.whenEnded(
                    dial.loop,
                    () -> dial.result.completeExceptionally(
                            new UnsentException(new IOException("its event loop has ended"))));
            CompletableFuture<?> unused = dial.result.whenComplete((wire, failure) -> forget.run());
            dial.loop.execute(() -> dial.guarded(() -> {
                dial.beat();
                dial.lookUp();
            }));
            return dial.result;
        } catch (RejectedExecutionException e) {
            return CompletableFuture.failedFuture(new IllegalStateException("the store is closed", e));
        }
    }

    private void lookUp() {
        until = System.nanoTime() + config.connectTimeout().toNanos();
        Object unused = loop.schedule(() -> guarded(this::timeOut), left(), TimeUnit.NANOSECONDS);
        prepare();
    }

    private void prepare() {
        boolean round = repeated;
        CompletableFuture<?> unused = wiring.resolve(node)
                .thenCombine(wiring.security(), Way::new)
                .whenCompleteAsync(
                        (way, failure) -> guarded(() -> {
                            if (way == null) {
                                failed(round, failure);
                            } else {
                                connect(way, 0);
                            }
                        }),
                        loop);
    }

    /** Looks whether this event loop runs, for as long as the attempt does. */
    private void beat() {
        beatDue = System.nanoTime() + BEAT_NANOS;
        Object unused = loop.schedule(
                () -> {
                    noticeStall();
                    if (!result.isDone()) {
                        beat();
                    }
                },
                BEAT_NANOS,
                TimeUnit.NANOSECONDS);
    }

    private void noticeStall() {
        stalled |= System.nanoTime() - beatDue > LATE_NANOS;
    }

    private void timeOut() {
        if (left() > 0) {
            // That was the time limit of an attempt that was repeated.
            return;
        }
        fail(new ConnectTimeoutException("no connection to " + node + " within "
                + config.connectTimeout().toMillis() + " ms"));
    }

    /**
     * What connecting needs.
     *
     * @param addresses the node's, at least one
     * @param security what the connection needs of what may change
     */
    @SuppressWarnings("ArrayRecordComponent") // compared by nobody
    private record Way(InetAddress[] addresses, ConnectionSecurity security) {}

    private void connect(Way way, int index) {
        if (result.isDone()) {
            return;
        }
        InetAddress[] addresses = way.addresses();
        long millis = Math.max(1, TimeUnit.NANOSECONDS.toMillis(left() / (addresses.length - index)));
        boolean round = repeated;
        InetSocketAddress place = new InetSocketAddress(addresses[index], node.port());
        CompletableFuture<?> unused = open(place, way.security(), (int) millis)
                .thenCompose(wire -> greet(wire, way.security().words(), millis))
                .whenComplete((wire, failure) -> guarded(() -> {
                    if (wire != null) {
                        if (!result.complete(wire)) {
                            wire.reset(new IllegalStateException("it came too late"));
                        }
                    } else if (round == repeated && index + 1 < addresses.length && left() > 0) {
                        connect(way, index + 1);
                    } else {
                        failed(round, failure);
                    }
                }));
    }

    private long left() {
        return until - System.nanoTime();
    }

    /** Nothing that goes wrong here leaves somebody waiting. */
    private void guarded(Runnable task) {
        try {
            task.run();
        } catch (Throwable e) {
            fail(e);
        }
    }

    /** Ends it, unless what failed was begun before it was repeated. */
    private void failed(boolean round, @Nullable Throwable why) {
        if (round != repeated) {
            return;
        }
        Throwable cause = why instanceof CompletionException && why.getCause() != null ? why.getCause() : why;
        Authentication begun = begunWith;
        boolean broken = cause != null && FailureKind.of(cause) == FailureKind.LOST;
        if (!broken || begun == null || loggedInAnew || result.isDone() || left() <= 0) {
            fail(cause);
            return;
        }
        // Who breaks a log-in off without a word may not know its user any more.
        loggedInAnew = true;
        CompletableFuture<?> unused = wiring.wordsOtherThan(begun)
                .whenCompleteAsync(
                        (words, failure) -> guarded(() -> {
                            if (words != null && words.isPresent() && round == repeated) {
                                prepare();
                            } else {
                                failed(round, why);
                            }
                        }),
                        loop);
    }

    /** What fails while this process stands still says nothing of the node, and is repeated once: all its time limits are over by then. */
    private void fail(@Nullable Throwable why) {
        noticeStall();
        if (stalled && !repeated && !result.isDone() && !loop.isShuttingDown()) {
            repeated = true;
            guarded(this::lookUp);
            return;
        }
        result.completeExceptionally(why == null ? new IllegalStateException("no cause known") : why);
    }

    /** Opens a connection to one address; if it is encrypted, what is sent on it waits until that is agreed on. */
    private CompletableFuture<Wire> open(InetSocketAddress place, ConnectionSecurity security, int millis) {
        CompletableFuture<Wire> opened = new CompletableFuture<>();
        ChannelFuture connected = Wiring.bootstrap(loop)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, millis)
                .handler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        addHandlers(channel, security.tls(), millis);
                    }

                    @Override
                    public void exceptionCaught(ChannelHandlerContext context, Throwable e) {
                        opened.completeExceptionally(e);
                        Object unused = context.close();
                    }
                })
                .connect(place);
        connected.addListener(done -> {
            if (done.isSuccess()) {
                opened.complete(connected.channel().pipeline().get(Wire.class));
            } else {
                opened.completeExceptionally(done.cause());
            }
        });
        return opened;
    }

    private void addHandlers(Channel channel, @Nullable SSLContext encryption, int millis) {
        began.accept(channel);
        Wire wire = new Wire(channel, config.maxValueBytes());
        TlsConfig tls = config.tls();
        if (tls != null && encryption != null) {
            SslHandler handler =
                    Tls.handler(encryption, tls.verification() == TlsConfig.Verification.FULL, node, millis);
            handler.handshakeFuture().addListener(done -> {
                if (!done.isSuccess()) {
                    wire.end(done.cause());
                }
            });
            channel.pipeline().addLast(handler);
        }
        channel.pipeline().addLast(wire);
    }

    private CompletableFuture<Wire> greet(Wire wire, @Nullable Authentication words, long millis) {
        begunWith = words;
        return new Greeting(wire, config, wiring).begin(words, millis);
    }
}
