package dev.holdfast.cache.cluster;

import dev.holdfast.cache.TlsConfig;
import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.redis.Authentication;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.ConnectTimeoutException;
import io.netty.channel.EventLoop;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
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
        Dial dial;
        try {
            dial = new Dial(node, config, wiring, began);
        } catch (RejectedExecutionException e) {
            return CompletableFuture.failedFuture(new IllegalStateException("the store is closed", e));
        }
        Runnable forget = Loops.whenEnded(
                dial.loop,
                () -> dial.result.completeExceptionally(
                        new UnsentException(new IOException("its event loop has ended"))));
        CompletableFuture<?> unused = dial.result.whenComplete((wire, failure) -> forget.run());
        try {
            dial.loop.execute(() -> {
                dial.guarded(dial::beat);
                dial.lookUp();
            });
        } catch (RejectedExecutionException e) {
            dial.result.completeExceptionally(new IllegalStateException("the store is closed", e));
        }
        return dial.result;
    }

    private void lookUp() {
        guarded(() -> {
            until = System.nanoTime() + config.connectTimeout().toNanos();
            Object unused = loop.schedule(() -> guarded(this::timeOut), left(), TimeUnit.NANOSECONDS);
            prepare();
        });
    }

    private void prepare() {
        boolean round = repeated;
        guarded(() -> {
            CompletableFuture<ConnectionSecurity> security = wiring.security();
            Object unused = wiring.resolve(node).thenCombine(security, Way::new).whenComplete((way, failure) -> {
                if (way == null) {
                    onLoop(() -> failed(round, failure));
                } else if (loop.inEventLoop()) {
                    guarded(() -> connect(way, 0));
                } else {
                    onLoop(() -> connect(way, 0));
                }
            });
        });
    }

    /** Looks whether this event loop runs, for as long as the attempt does. */
    private void beat() {
        beatDue = System.nanoTime() + BEAT_NANOS;
        try {
            Object unused = loop.schedule(
                    () -> {
                        noticeStall();
                        if (!result.isDone()) {
                            beat();
                        }
                    },
                    BEAT_NANOS,
                    TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            // The store is closed, and nothing more comes of this.
        }
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
        Attempt attempt = new Attempt(place, way.security(), millis);
        CompletableFuture<?> unused = attempt.begin()
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

    private void onLoop(Runnable task) {
        try {
            loop.execute(() -> guarded(task));
        } catch (RejectedExecutionException e) {
            result.completeExceptionally(e);
        }
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
        Authentication begun = begunWith;
        boolean broken = begun != null && why != null && FailureKind.of(why) == FailureKind.LOST;
        if (!broken || begun == null || loggedInAnew || result.isDone() || left() <= 0) {
            fail(why);
            return;
        }
        // Who breaks a log-in off without a word may not know its user any more.
        loggedInAnew = true;
        CompletableFuture<?> unused = wiring.wordsOtherThan(begun)
                .whenComplete((words, failure) -> onLoop(() -> {
                    if (words != null && words.isPresent() && round == repeated) {
                        prepare();
                    } else {
                        failed(round, why);
                    }
                }));
    }

    /** What fails while this process stands still says nothing of the node, and is repeated once: all its time limits are over by then. */
    private void fail(@Nullable Throwable why) {
        noticeStall();
        if (stalled && !repeated && !result.isDone() && !loop.isShuttingDown()) {
            repeated = true;
            lookUp();
            return;
        }
        Throwable cause = why instanceof CompletionException && why.getCause() != null ? why.getCause() : why;
        result.completeExceptionally(cause == null ? new IllegalStateException("no cause known") : cause);
    }

    /** At one address. */
    private final class Attempt {
        private final InetSocketAddress place;
        private final ConnectionSecurity security;
        private final long millis;
        private final CompletableFuture<Wire> ready = new CompletableFuture<>();

        Attempt(InetSocketAddress place, ConnectionSecurity security, long millis) {
            this.place = place;
            this.security = security;
            this.millis = millis;
        }

        CompletableFuture<Wire> begin() {
            Bootstrap bootstrap = Wiring.bootstrap(loop)
                    .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, (int) millis)
                    .handler(new ChannelInitializer<>() {
                        @Override
                        protected void initChannel(Channel channel) {
                            prepare(channel);
                        }

                        @Override
                        public void exceptionCaught(ChannelHandlerContext context, Throwable e) {
                            ready.completeExceptionally(e);
                            Object unused = context.close();
                        }
                    });
            ChannelFuture connected = bootstrap.connect(place);
            connected.addListener(done -> {
                if (done.isSuccess()) {
                    greet(connected.channel().pipeline().get(Wire.class));
                } else {
                    ready.completeExceptionally(done.cause());
                }
            });
            return ready;
        }

        private void prepare(Channel channel) {
            began.accept(channel);
            Wire wire = new Wire(channel, config.maxValueBytes());
            TlsConfig encryption = config.tls();
            if (encryption != null && security.tls() != null) {
                boolean verifiesHost = encryption.verification() == TlsConfig.Verification.FULL;
                SslHandler tls = Tls.handler(security.tls(), verifiesHost, node, millis);
                tls.handshakeFuture().addListener(done -> {
                    if (!done.isSuccess()) {
                        wire.end(done.cause());
                    }
                });
                channel.pipeline().addLast(tls);
            }
            channel.pipeline().addLast(wire);
        }

        /** Logs in, and has the node show that it answers: one that is full, or asks for a password, says so now. */
        private void greet(Wire wire) {
            Future<?> limit = loop.schedule(
                    () -> wire.end(
                            new ConnectTimeoutException("no greeting from " + place + " within " + millis + " ms")),
                    millis,
                    TimeUnit.MILLISECONDS);
            CompletableFuture<?> unused = ready.whenComplete((same, why) -> limit.cancel(false));
            begunWith = security.words();
            greet(wire, security.words(), true);
        }

        private void greet(Wire wire, @Nullable Authentication words, boolean mayAskAgain) {
            Greeting greeting = new Greeting(config, words);
            CompletableFuture<?> unused = greeting.answered().whenComplete((all, failure) -> {
                Throwable why = greeting.refusal();
                if (why == null) {
                    wire.entered(words, greeting.zone());
                    ready.complete(wire);
                } else if (mayAskAgain && words != null && greeting.isLoginRefused()) {
                    askAgain(wire, words, why);
                } else {
                    fail(wire, why);
                }
            });
            wire.write(List.of(greeting.commands()));
        }

        /** Whoever gives the words may have others by now. */
        private void askAgain(Wire wire, Authentication refused, Throwable refusal) {
            CompletableFuture<?> unused = wiring.otherWords(refused)
                    .whenComplete((words, failure) -> onLoop(() -> {
                        if (words != null && words.isPresent() && wire.isOpen()) {
                            greet(wire, words.get(), false);
                        } else {
                            fail(wire, failure == null ? refusal : failure);
                        }
                    }));
        }

        private void fail(Wire wire, Throwable why) {
            ready.completeExceptionally(why);
            wire.end(why);
        }
    }
}
