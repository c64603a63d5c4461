package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CredentialsProvider;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.TlsConfig;
import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.redis.RemoteAccess;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.spi.StoreConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * Where a {@link ClusterStore}'s cluster is and how to talk to it. Start from {@link #of} and derive with the withers;
 * every instance is valid. Immutable.
 */
public final class ClusterConfig implements StoreConfig {
    private final Parts parts;

    private ClusterConfig(Parts parts) {
        parts.check();
        this.parts = parts;
    }

    private ClusterConfig with(Consumer<Parts> change) {
        Parts changed = new Parts(parts);
        change.accept(changed);
        return new ClusterConfig(changed);
    }

    /**
     * Starts with some of the cluster's nodes: no password, no TLS, 5 s to connect, 3 s for a command, 5 connections for each
     * node, no key prefix, reads from masters.
     *
     * @param nodes {@code host:port} each, an IPv6 address in brackets; at least one. They are asked where the other nodes
     *     are, at first and again when none of those answers
     * @return the configuration
     * @throws IllegalArgumentException if there is none or one is malformed
     */
    public static ClusterConfig of(List<String> nodes) {
        return new ClusterConfig(new Parts(Address.parseAll(Objects.requireNonNull(nodes, "nodes"), 0)));
    }

    /**
     * Starts like {@link #of(List)}.
     *
     * @param node {@code host:port}
     * @param more further ones
     * @return the configuration
     * @throws IllegalArgumentException if one is malformed
     */
    public static ClusterConfig of(String node, String... more) {
        Objects.requireNonNull(node, "node");
        return of(Stream.concat(Stream.of(node), Arrays.stream(Objects.requireNonNull(more, "more")))
                .toList());
    }

    /** Derives one that gets at its nodes in another way. */
    ClusterConfig withAccess(UnaryOperator<RemoteAccess> change) {
        return with(parts -> parts.access = change.apply(parts.access));
    }

    /**
     * Derives one with a password.
     *
     * @param value the password of the default user, or of the one that {@link #withUsername} names
     * @return the derived configuration
     */
    public ClusterConfig withPassword(Secret value) {
        return withAccess(access -> access.withPassword(value));
    }

    /**
     * Derives one with an ACL user.
     *
     * @param value the user's name
     * @return the derived configuration
     */
    public ClusterConfig withUsername(String value) {
        return withAccess(access -> access.withUsername(value));
    }

    /**
     * Derives one that asks for its credentials, which may change at any time.
     *
     * @param value what is asked for each connection, and when what it gave expires
     * @return the derived configuration
     */
    public ClusterConfig withCredentials(CredentialsProvider value) {
        return withAccess(access -> access.withCredentials(value));
    }

    /**
     * Derives one with TLS, for instance with an authority in a PEM file, a client's certificate, or less verification.
     *
     * @param value how connections are encrypted
     * @return the derived configuration
     */
    public ClusterConfig withTls(TlsConfig value) {
        return withAccess(access -> access.withTls(value));
    }

    /**
     * Derives one whose connections have another name, as {@code CLIENT LIST} shows it.
     *
     * @param value the name, printable ASCII without blanks; by default {@code holdfast}
     * @return the derived configuration
     */
    public ClusterConfig withClientName(String value) {
        return withAccess(access -> access.withClientName(value));
    }

    /**
     * Derives one with TLS, trusting what the JVM trusts. Each node's certificate and its host name are verified.
     *
     * @return the derived configuration
     */
    public ClusterConfig withTls() {
        return withTls(TlsConfig.system());
    }

    /**
     * Derives one with TLS and a trust store of its own. Each node's certificate and its host name are verified.
     *
     * @param trustStore a PKCS #12 or JKS file with the certificates to trust
     * @param trustStorePassword its password; {@code null} if it has none
     * @return the derived configuration
     * @throws dev.holdfast.cache.CacheConfigException if the file cannot be read
     */
    public ClusterConfig withTls(Path trustStore, @Nullable Secret trustStorePassword) {
        return withTls(TlsConfig.trusting(Objects.requireNonNull(trustStore, "trustStore"), trustStorePassword));
    }

    /**
     * Derives one with TLS by a context made elsewhere. Each node's host name is
     * verified in addition to what the context verifies.
     *
     * @param context the context
     * @return the derived configuration
     */
    public ClusterConfig withTls(SSLContext context) {
        return withTls(TlsConfig.of(context));
    }

    /**
     * Derives one with another time to connect to a node: name resolution, all of its addresses, TLS and log-in together.
     *
     * @param value from 1 ms to an hour
     * @return the derived configuration
     */
    public ClusterConfig withConnectTimeout(Duration value) {
        return withAccess(access -> access.withConnectTimeout(value));
    }

    /**
     * Derives one with another time for a command, from when it is sent to its reply.
     *
     * @param value from 1 ms to an hour
     * @return the derived configuration
     */
    public ClusterConfig withCommandTimeout(Duration value) {
        return withAccess(access -> access.withCommandTimeout(value));
    }

    /**
     * Derives one with another number of connections.
     *
     * @param value the most there are to a node at a time, besides the one that probes it; from 1 to 1,000
     * @return the derived configuration
     */
    public ClusterConfig withPoolSize(int value) {
        return withAccess(access -> access.withPoolSize(value));
    }

    /**
     * Derives one with another key prefix.
     *
     * @param value what stands before every key. If it holds an opening brace, it must hold a whole <code>{hash tag}</code>, and
     *     then all keys of the store are on one node
     * @return the derived configuration
     * @throws IllegalArgumentException if it holds an opening brace and no hash tag
     */
    public ClusterConfig withKeyPrefix(KeyPrefix value) {
        return withAccess(access -> access.withKeyPrefix(value));
    }

    /**
     * Derives one that reads from other nodes.
     *
     * @param value which node of a shard answers reads
     * @return the derived configuration
     */
    public ClusterConfig withReadFrom(ReadFrom value) {
        return with(parts -> parts.readFrom = value);
    }

    /**
     * Derives one that knows where it is, for {@link ReadFrom#ZONE}.
     *
     * @param value the availability zone of this process, as the nodes call it, not blank
     * @return the derived configuration
     */
    public ClusterConfig withZone(String value) {
        return with(parts -> parts.zone = Objects.requireNonNull(value, "zone"));
    }

    /**
     * Derives one with another time for which calls are repeated that a node refuses because of a state that passes by itself
     * (CLUSTERDOWN, TRYAGAIN, LOADING, MASTERDOWN, READONLY, nobody owns the slot): an election, as a rule, which takes
     * {@code cluster-node-timeout} and about 1.5 s. Long where nothing else can answer, which is the default; short where another
     * store follows.
     *
     * @param value from 0 (not at all) to an hour; bounded by the call's own time
     * @return the derived configuration
     */
    public ClusterConfig withClusterDownRetry(Duration value) {
        return with(parts -> parts.clusterDownRetry = Objects.requireNonNull(value, "clusterDownRetry"));
    }

    /**
     * Derives one that asks another time for the cluster's topology while nothing calls for it. Redirections, failures and
     * unserved slots have it asked for at once.
     *
     * @param value from 1 ms to an hour
     * @return the derived configuration
     */
    public ClusterConfig withTopologyRefresh(Duration value) {
        return with(parts -> parts.topologyRefresh = Objects.requireNonNull(value, "topologyRefresh"));
    }

    /**
     * Derives one that probes each node at another interval. A node that is suspected or failed is probed at once.
     *
     * @param value from 1 ms to an hour
     * @return the derived configuration
     */
    public ClusterConfig withHealthCheckInterval(Duration value) {
        return with(parts -> parts.healthCheckInterval = Objects.requireNonNull(value, "healthCheckInterval"));
    }

    /**
     * Derives one that gives nodes another least time to answer a probe. Longer where the nodes' machines have other work to do, so that nodes which
     * are slow are not taken for frozen; a frozen node is found out so much later.
     *
     * @param value the shortest time that a probe is given, from 1 ms to an hour; four times the median of the last ones, up to 1.5 seconds, if that is
     *     longer
     * @return the derived configuration
     */
    public ClusterConfig withMinProbeTimeout(Duration value) {
        return with(parts -> parts.minProbeTimeout = Objects.requireNonNull(value, "minProbeTimeout"));
    }

    /**
     * Derives one that calls a node unhealthy after another number of failed probes.
     *
     * @param value how many in a row, from 1 to 1,000
     * @return the derived configuration
     */
    public ClusterConfig withMaxFailures(int value) {
        return with(parts -> parts.maxFailures = value);
    }

    /**
     * Derives one that reaches nodes under other addresses than they announce, as address translation needs it.
     *
     * @param value takes {@code host:port} as the cluster announces it and returns {@code host:port} as this process reaches it;
     *     called from several threads, does no I/O. What it throws or returns in vain leaves the address as it is
     * @return the derived configuration
     */
    public ClusterConfig withAddressMapper(UnaryOperator<String> value) {
        return with(parts -> parts.addressMapper = value);
    }

    /**
     * Derives one with another limit to what a server may send as one value, and this client stores. What announces itself as larger is
     * not read: its call is rejected and its connection closed.
     *
     * @param value from 1 KiB (1,024) to 2 GiB - 1 KiB (2,147,482,624)
     * @return the derived configuration
     */
    public ClusterConfig withMaxValueBytes(long value) {
        return withAccess(access -> access.withMaxValueBytes(value));
    }

    /** Derives one whose connections prove themselves after another time without a byte. */
    ClusterConfig withIdleProof(Duration value) {
        return with(parts -> parts.idleProof = value);
    }

    /**
     * Returns the nodes that are asked first.
     *
     * @return {@code host:port} each, unmodifiable
     */
    public List<String> nodes() {
        return parts.seeds.stream().map(Address::toString).toList();
    }

    /** The nodes to ask first. */
    List<Address> seeds() {
        return parts.seeds;
    }

    /** Returns the ACL user; {@code null} for the default user. */
    public @Nullable String username() {
        return parts.access.username();
    }

    /** Returns the password; {@code null} if there is none. */
    public @Nullable Secret password() {
        return parts.access.password();
    }

    /** Returns how connections are encrypted; {@code null} for plain ones. */
    public @Nullable TlsConfig tls() {
        return parts.access.tls();
    }

    /** Returns how long connecting to a node may take in all. */
    public Duration connectTimeout() {
        return parts.access.connectTimeout();
    }

    /** Returns how long a command may take. */
    public Duration commandTimeout() {
        return parts.access.commandTimeout();
    }

    /** Returns how many connections there are to a node at most, besides the one that probes it. */
    public int poolSize() {
        return parts.access.poolSize();
    }

    /** Returns what stands before every key. */
    public KeyPrefix keyPrefix() {
        return parts.access.keyPrefix();
    }

    /** Returns which node of a shard answers reads. */
    public ReadFrom readFrom() {
        return parts.readFrom;
    }

    /** Returns the zone of this process; {@code null} if it is not known. */
    public @Nullable String zone() {
        return parts.zone;
    }

    /** Returns the name of connections. */
    public String clientName() {
        return parts.access.clientName();
    }

    /** How nodes are got at. */
    RemoteAccess access() {
        return parts.access;
    }

    /** Returns for how long calls are repeated that meet a state that passes by itself. */
    public Duration clusterDownRetry() {
        return parts.clusterDownRetry;
    }

    /** Returns how often the topology is asked for while nothing calls for it. */
    public Duration topologyRefresh() {
        return parts.topologyRefresh;
    }

    /** Returns how often each node is probed. */
    public Duration healthCheckInterval() {
        return parts.healthCheckInterval;
    }

    /** Returns the least time that a node is given to answer a probe. */
    public Duration minProbeTimeout() {
        return parts.minProbeTimeout;
    }

    /** Returns how many failed probes in a row make a node unhealthy. */
    public int maxFailures() {
        return parts.maxFailures;
    }

    /** Returns how many bytes a value has at most. */
    public long maxValueBytes() {
        return parts.access.maxValueBytes();
    }

    /** After how long without a byte a connection proves itself before it is used. */
    Duration idleProof() {
        return parts.idleProof;
    }

    /**
     * Returns where this process reaches a node, as the {@linkplain #withAddressMapper mapper} says it.
     *
     * @param announced where the node announces itself: {@code host:port}, an IPv6 address in brackets
     * @return {@code host:port}; what was announced if the mapper fails
     * @throws IllegalArgumentException if what is announced is malformed
     */
    public String reached(String announced) {
        return reached(Address.parse(announced)).toString();
    }

    /** Where this process reaches a node that announces itself like this. */
    Address reached(Address announced) {
        try {
            return Address.parse(parts.addressMapper.apply(announced.toString()));
        } catch (RuntimeException e) {
            return announced;
        }
    }

    /** The nodes, without secrets. */
    @Override
    public String tier() {
        return "cluster";
    }

    @Override
    public CacheStore open(String client, KeyPrefix keyPrefix) {
        return ClusterStore.of(withAccess(own ->
                own.orElse(Objects.requireNonNull(client, "client"), Objects.requireNonNull(keyPrefix, "keyPrefix"))));
    }

    @Override
    public String toString() {
        return parts.access.urlStart() + String.join(",", nodes());
    }

    /** Written only before it belongs to a configuration. */
    private static final class Parts {
        final List<Address> seeds;

        RemoteAccess access = RemoteAccess.defaults();

        @Nullable
        String zone;

        ReadFrom readFrom = ReadFrom.MASTER;
        Duration clusterDownRetry = Duration.ofSeconds(8);
        Duration topologyRefresh = Duration.ofSeconds(30);
        Duration healthCheckInterval = Duration.ofSeconds(30);
        Duration minProbeTimeout = Duration.ofMillis(250);
        int maxFailures = 3;
        Duration idleProof = Duration.ofSeconds(15);
        UnaryOperator<String> addressMapper = UnaryOperator.identity();

        Parts(List<Address> seeds) {
            this.seeds = seeds;
        }

        Parts(Parts other) {
            this(other.seeds);
            access = other.access;
            zone = other.zone;
            readFrom = other.readFrom;
            clusterDownRetry = other.clusterDownRetry;
            topologyRefresh = other.topologyRefresh;
            healthCheckInterval = other.healthCheckInterval;
            minProbeTimeout = other.minProbeTimeout;
            maxFailures = other.maxFailures;
            idleProof = other.idleProof;
            addressMapper = other.addressMapper;
        }

        void check() {
            RemoteAccess.requireTimeout("topologyRefresh", topologyRefresh);
            RemoteAccess.requireTimeout("healthCheckInterval", healthCheckInterval);
            RemoteAccess.requireTimeout("minProbeTimeout", minProbeTimeout);
            RemoteAccess.requireBetween("maxFailures", maxFailures, 1, 1_000);
            Objects.requireNonNull(readFrom, "readFrom");
            Objects.requireNonNull(addressMapper, "addressMapper");
            if (zone != null && zone.isBlank()) {
                throw new IllegalArgumentException("zone must not be blank; leave it out instead");
            }
            if (clusterDownRetry.isNegative() || clusterDownRetry.compareTo(RemoteAccess.LONGEST_TIMEOUT) > 0) {
                throw new IllegalArgumentException("clusterDownRetry must be from 0 to an hour: " + clusterDownRetry);
            }
            String prefix = access.keyPrefix().toString();
            if (prefix.indexOf('{') >= 0 && !Slots.isPinned(prefix)) {
                throw new IllegalArgumentException(
                        "keyPrefix must hold a whole {hash tag} or no opening brace: \"" + prefix + '"');
            }
        }
    }
}
