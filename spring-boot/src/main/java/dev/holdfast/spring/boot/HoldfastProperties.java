package dev.holdfast.spring.boot;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * What {@code holdfast.*} says. What is not set has the value that connection details, {@code spring.data.redis.*} or the
 * environment say, or the client's own default.
 *
 * @param enabled Whether servers are used. Without them the cache is in this process's memory.
 * @param name Name of the client in JMX, threads and the log.
 * @param ttl How long a value is fresh, in whole seconds.
 * @param keyPrefix Stands before every key, with a colon.
 * @param tiers Which tiers serve, the first to answer first, out of cluster, single, upstash, memory.
 * @param strictStart Whether a configured tier that does not answer at the start is fatal.
 * @param maxValueSize Largest value that is sent or read, from 1KB to 2GB.
 * @param memory This process's memory, the tier behind all servers.
 * @param single One Redis or Valkey.
 * @param cluster A Redis Cluster.
 * @param upstash An Upstash database, over REST.
 * @param connection Connections of every server.
 * @param failover How calls go from tier to tier.
 * @param transactionAware Whether what changes a Spring cache within a transaction is done after its commit.
 * @param health Health for Actuator.
 * @param monitoring The monitoring endpoints.
 * @param caches Spring's caches by name.
 */
@ConfigurationProperties("holdfast")
public record HoldfastProperties(
        @Nullable Boolean enabled,
        @DefaultValue("holdfast") String name,
        @Nullable Duration ttl,
        @Nullable String keyPrefix,
        @Nullable List<String> tiers,
        @Nullable Boolean strictStart,
        @Nullable DataSize maxValueSize,
        @DefaultValue Memory memory,
        @DefaultValue Single single,
        @DefaultValue Cluster cluster,
        @DefaultValue Upstash upstash,
        @DefaultValue Connection connection,
        @DefaultValue Failover failover,
        @DefaultValue("false") boolean transactionAware,
        @DefaultValue Health health,
        @DefaultValue Monitoring monitoring,
        @DefaultValue Map<String, CacheOptions> caches) {

    /**
     * This process's memory.
     *
     * @param maxSize How large its entries may be together.
     */
    public record Memory(@Nullable DataSize maxSize) {}

    /**
     * One Redis or Valkey: by URL, or in parts.
     *
     * @param url Address, redis:// or rediss://[user[:password]@]host[:port][/database]. Wins over the parts.
     * @param host Host name or IP address.
     * @param port Port, 6379 by default.
     * @param username ACL user.
     * @param password Password.
     * @param database Number of the database.
     * @param ssl TLS.
     */
    public record Single(
            @Nullable String url,
            @Nullable String host,
            @Nullable Integer port,
            @Nullable String username,
            @Nullable String password,
            @Nullable Integer database,
            @DefaultValue Ssl ssl) {

        /** Without secrets. */
        @Override
        public String toString() {
            return "Single[url=" + hidden(url) + ", host=" + host + ", port=" + port + ", username=" + username
                    + ", password=" + hidden(password) + ", database=" + database + ", ssl=" + ssl + ']';
        }
    }

    /**
     * A Redis Cluster.
     *
     * @param nodes Nodes to ask first, host:port each.
     * @param username ACL user.
     * @param password Password.
     * @param readFrom Which node of a shard answers reads: master, master-preferred, replica-preferred, nearest.
     * @param ssl TLS.
     */
    public record Cluster(
            @Nullable List<String> nodes,
            @Nullable String username,
            @Nullable String password,
            @Nullable String readFrom,
            @DefaultValue Ssl ssl) {

        /** Without secrets. */
        @Override
        public String toString() {
            return "Cluster[nodes=" + nodes + ", username=" + username + ", password=" + hidden(password)
                    + ", readFrom=" + readFrom + ", ssl=" + ssl + ']';
        }
    }

    /**
     * TLS of a server's connections.
     *
     * @param enabled Whether connections use TLS; by default they do where a bundle is named.
     * @param bundle Name of the SSL bundle that says whom to trust and who this client is.
     */
    public record Ssl(@Nullable Boolean enabled, @Nullable String bundle) {

        boolean wanted() {
            return enabled != null ? enabled : bundle != null;
        }
    }

    /**
     * An Upstash database.
     *
     * @param url REST address.
     * @param token REST token.
     */
    public record Upstash(@Nullable String url, @Nullable String token) {

        /** Without secrets. */
        @Override
        public String toString() {
            return "Upstash[url=" + url + ", token=" + hidden(token) + ']';
        }
    }

    /**
     * Connections of every server.
     *
     * @param poolSize Connections to each node.
     * @param connectTimeout Longest time to connect.
     * @param commandTimeout Longest time for a command.
     */
    public record Connection(
            @Nullable Integer poolSize,
            @Nullable Duration connectTimeout,
            @Nullable Duration commandTimeout) {}

    /**
     * How calls go from tier to tier.
     *
     * @param timeout Longest time for a call, every attempt and tier included.
     * @param maxFailures Failures in a row that take a tier out.
     * @param maxRetries Further attempts where no other tier could answer.
     * @param retryDelay Delay before the first of them.
     * @param healthCheckInterval Time between probes of a tier that has no calls.
     * @param probeTimeout Time that a server is given at least to answer a probe.
     */
    public record Failover(
            @Nullable Duration timeout,
            @Nullable Integer maxFailures,
            @Nullable Integer maxRetries,
            @Nullable Duration retryDelay,
            @Nullable Duration healthCheckInterval,
            @Nullable Duration probeTimeout) {}

    /**
     * Health for Actuator.
     *
     * @param criticalIsDown Whether health is DOWN while servers are configured and only this process's memory answers.
     */
    public record Health(@DefaultValue("false") boolean criticalIsDown) {}

    /**
     * The monitoring endpoints under the application's own port.
     *
     * @param enabled Whether they are mounted. Needs holdfast-cache-monitor.
     * @param basePath Stands before their paths; with one the page and the probes are mounted too.
     * @param token Opens /api/admin/ to whoever brings it; at least 16 characters.
     */
    public record Monitoring(
            @DefaultValue("false") boolean enabled,
            @DefaultValue("") String basePath,
            @Nullable String token) {

        /** Without secrets. */
        @Override
        public String toString() {
            return "Monitoring[enabled=" + enabled + ", basePath=" + basePath + ", token=" + hidden(token) + ']';
        }
    }

    /**
     * One of Spring's caches.
     *
     * @param type Type of its values, such as com.example.User, with its parameters in angle brackets. By default the one that
     *     the methods with its name return.
     * @param ttl How long a value is fresh.
     * @param staleIfError How long beyond that a value stands in for a load that fails. Needs @Cacheable(sync = true).
     * @param nullTtl How long a null value is remembered; 0 for not at all. As long as other values by default.
     * @param loadTimeout How long a load may take.
     * @param loadSoftTimeout How long a caller with a stale value waits for a load.
     * @param retryLoadAfter How long after a failed load a stale value is returned without another.
     * @param refreshAhead Fraction of the time to live after which a read refreshes in the background; 0 for never.
     * @param ttlJitter Fraction of the time to live of which a random part is taken off; 0 for none.
     * @param agreeWithin For how long another instance's change may go unseen, whatever dies; from 5 seconds, 0 for as long as values live.
     * @param loadLock Lease by which one instance at a time loads a key, from 100 milliseconds to a minute; 0 for none. Needs @Cacheable(sync = true).
     * @param maxLoads How many loads run at once.
     * @param near What is kept in this process as well.
     */
    public record CacheOptions(
            @Nullable String type,
            @Nullable Duration ttl,
            @Nullable Duration staleIfError,
            @Nullable Duration nullTtl,
            @Nullable Duration loadTimeout,
            @Nullable Duration loadSoftTimeout,
            @Nullable Duration retryLoadAfter,
            @Nullable Double refreshAhead,
            @Nullable Double ttlJitter,
            @Nullable Duration agreeWithin,
            @Nullable Duration loadLock,
            @Nullable Integer maxLoads,
            @DefaultValue Near near) {

        static final CacheOptions NONE = new CacheOptions(
                null, null, null, null, null, null, null, null, null, null, null, null, new Near(null, null, false));
    }

    /**
     * What a cache keeps in this process, decoded, until its server says that it changed.
     *
     * @param maxSize How much heap it may take, at least 1MB; nothing is kept if it is not set.
     * @param untrackedTtl How long entries are kept of a server that does not say what changed, such as Upstash; by default not at all.
     * @param copies Whether each caller gets a value of its own, which it may change.
     */
    public record Near(
            @Nullable DataSize maxSize,
            @Nullable Duration untrackedTtl,
            @DefaultValue("false") boolean copies) {}

    private static @Nullable String hidden(@Nullable String secret) {
        return secret == null ? null : "***";
    }
}
