package dev.holdfast.cache.cluster;

import dev.holdfast.cache.TlsConfig;
import dev.holdfast.cache.internal.IsolatedThreads;
import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.redis.Authentication;
import dev.holdfast.cache.redis.CredentialsException;
import dev.holdfast.cache.redis.Login;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.nio.NioChannelOption;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import jdk.net.ExtendedSocketOptions;
import org.jspecify.annotations.Nullable;

/**
 * What all of a store's connections share: two event loops, and threads on which names are resolved, since that can neither
 * be bounded nor interrupted and must not hold up an event loop. One thread looks up a name, however many want it. Those threads end
 * a second after their last work. All are of the store's own: nothing is done on callers' threads, which would keep what Netty leaves
 * there.
 */
final class Wiring {
    /** A connection that is silent for 15 s is asked by the system, and given up after three questions without answer. */
    private static final int KEEP_ALIVE_SECONDS = 15;

    private static final int KEEP_ALIVE_GAP_SECONDS = 5;
    private static final int KEEP_ALIVE_QUESTIONS = 3;

    private final Loops loops = new Loops();

    private final ThreadPoolExecutor resolvers = new ThreadPoolExecutor(
            0, 64, 1, TimeUnit.SECONDS, new SynchronousQueue<>(), IsolatedThreads.platform("holdfast-cluster-dns"));

    private final Login login;
    private final @Nullable TlsConfig tls;

    /**
     * Creates one.
     *
     * @param login what connections log in with
     * @param tls how they are encrypted; {@code null} if they are not
     */
    Wiring(Login login, @Nullable TlsConfig tls) {
        this.login = login;
        this.tls = tls;
    }

    private final Lookups lookups = new Lookups(InetAddress::getAllByName, resolvers, System::nanoTime);

    /**
     * The event loop for another connection.
     *
     * @throws RejectedExecutionException if the store is closed
     */
    EventLoop loop() {
        return loops.next();
    }

    /** How connections are opened, but for their handler and time limit. */
    static Bootstrap bootstrap(EventLoop loop) {
        Bootstrap bootstrap = new Bootstrap()
                .group(loop)
                .channel(NioSocketChannel.class)
                .option(ChannelOption.TCP_NODELAY, true)
                .option(ChannelOption.SO_KEEPALIVE, true);
        try {
            return bootstrap
                    .option(NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPIDLE), KEEP_ALIVE_SECONDS)
                    .option(NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPINTERVAL), KEEP_ALIVE_GAP_SECONDS)
                    .option(NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPCOUNT), KEEP_ALIVE_QUESTIONS);
        } catch (LinkageError e) {
            // A runtime without the module jdk.net: the system's times stand.
            return bootstrap;
        }
    }

    /** Looks up a host's addresses, at least one. */
    CompletableFuture<InetAddress[]> resolve(Address node) {
        if (node.isLiteral()) {
            try {
                return CompletableFuture.completedFuture(InetAddress.getAllByName(node.host()));
            } catch (UnknownHostException e) {
                return CompletableFuture.failedFuture(e);
            }
        }
        return lookups.of(node.host());
    }

    /** Gets what a connection needs of what may change: on a thread that may wait, where there is anything to wait for. */
    CompletableFuture<ConnectionSecurity> security() {
        return tls == null && !login.rotates() ? here(this::issue) : elsewhere(this::issue);
    }

    private ConnectionSecurity issue() throws CredentialsException {
        return new ConnectionSecurity(login.isNeeded() ? login.ask() : null, tls == null ? null : tls.context());
    }

    /** Asks for other words than those that a node refused; empty if there are none. */
    CompletableFuture<Optional<Authentication>> otherWords(Authentication refused) {
        return login.rotates()
                ? elsewhere(() -> Optional.ofNullable(login.askAgain(refused)))
                : CompletableFuture.completedFuture(Optional.empty());
    }

    /** Asks for other words than those that a log-in was begun with which a node broke off; empty if there are none. */
    CompletableFuture<Optional<Authentication>> wordsOtherThan(Authentication begun) {
        return login.rotates()
                ? elsewhere(() -> Optional.ofNullable(login.otherThan(begun)))
                : CompletableFuture.completedFuture(Optional.empty());
    }

    /** Something that reads a file or asks a provider. */
    private interface Question<T> {
        T answer() throws CredentialsException;
    }

    private static <T> CompletableFuture<T> here(Question<T> question) {
        try {
            return CompletableFuture.completedFuture(question.answer());
        } catch (CredentialsException | RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private <T> CompletableFuture<T> elsewhere(Question<T> question) {
        try {
            return CompletableFuture.completedFuture("").thenComposeAsync(any -> here(question), resolvers);
        } catch (RejectedExecutionException | OutOfMemoryError e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    /** Ends all threads; waits two seconds at most. */
    void close() {
        resolvers.shutdownNow();
        loops.close();
    }
}
