package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheHealth;
import dev.holdfast.cache.ForeignText;
import dev.holdfast.cache.IsolatedThreads;
import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.TierHealth;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import javax.management.InstanceAlreadyExistsException;
import javax.management.InstanceNotFoundException;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.MalformedObjectNameException;
import javax.management.ObjectName;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A client's MBeans: itself, its tiers, their nodes, its caches. They are registered by a thread of their own, because the JVM's
 * MBean server may take longer to start than the client. Nodes come and go with a cluster's topology; their beans follow when
 * the client or a tier is looked at, so that no thread is kept for it. A cache works without JMX too: what goes wrong here
 * is logged once and passed over.
 */
final class Management implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Management.class);
    private static final String DOMAIN = "dev.holdfast.cache:";
    private static final int MOST_CLIENTS_OF_A_NAME = 100_000;

    private final CacheClient client;
    private final CompletableFuture<MBeanServer> server = new CompletableFuture<>();
    private final CompletableFuture<Void> done = new CompletableFuture<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final Set<ObjectName> fixed = new LinkedHashSet<>();
    private final Map<String, Set<ObjectName>> nodes = new LinkedHashMap<>();
    private final Map<ObjectName, CacheEngine<?, ?>> caches = new LinkedHashMap<>();
    private final Set<CacheEngine<?, ?>> early = new LinkedHashSet<>();
    private String clientName;
    private boolean registered;
    private boolean closed;

    Management(CacheClient client) {
        this.client = client;
        this.clientName = client.name();
    }

    /** Begins to register; {@code servers} finds the MBean server. */
    void start(Supplier<MBeanServer> servers) {
        IsolatedThreads.platform("holdfast-" + clientName + "-jmx")
                .newThread(() -> {
                    try {
                        server.complete(servers.get());
                        register();
                    } catch (RuntimeException | Error e) {
                        if (client.isAlive()) {
                            LOG.warn("JMX does not start; the cache client {} works without", client.name(), e);
                        }
                    } finally {
                        done.complete(null);
                    }
                })
                .start();
    }

    /** Registers the client under its name, or with a number behind it if that is taken, and what it has. */
    private void register() {
        lock.lock();
        try {
            if (closed || !registerClient(client.name())) {
                return;
            }
            registered = true;
            CacheHealth health = client.health();
            health.tiers().forEach(tier -> registerTier(tier.name()));
            followNodes(health);
            early.forEach(this::registerCache);
            early.clear();
        } finally {
            lock.unlock();
        }
    }

    private boolean registerClient(String wanted) {
        ManagedBean<CacheClient, CacheHealth> bean = ManagedBeans.client(client, this::healthNow);
        for (int number = 1; number <= MOST_CLIENTS_OF_A_NAME; number++) {
            String candidate = number == 1 ? wanted : wanted + '-' + number;
            ObjectName name = name("CacheClient", "name", candidate);
            try {
                server.join().registerMBean(bean, name);
                fixed.add(name);
                clientName = candidate;
                return true;
            } catch (InstanceAlreadyExistsException e) {
                LOG.debug("the name {} is taken, trying the next", candidate);
            } catch (JMException | RuntimeException e) {
                LOG.warn(
                        "JMX does not take the cache client {}, which works without: {}",
                        wanted,
                        ForeignText.shown(e.toString()));
                return false;
            }
        }
        LOG.warn("{} cache clients are open under the name {}", MOST_CLIENTS_OF_A_NAME, wanted);
        return false;
    }

    private void registerTier(String tier) {
        add(name("Tier", "client", clientName, "name", tier), ManagedBeans.tier(tier, () -> tierNow(tier)));
    }

    private void registerCache(CacheEngine<?, ?> cache) {
        ObjectName name = name("Cache", "client", clientName, "name", cache.name());
        CacheEngine<?, ?> shown = caches.get(name);
        if (shown == cache || cache.isClosed()) {
            return;
        }
        // Its predecessor was closed and is about to be removed.
        if (shown != null) {
            unregister(name);
            caches.remove(name);
        }
        if (register(name, ManagedBeans.cache(cache))) {
            caches.put(name, cache);
        }
    }

    private void add(ObjectName name, ManagedBean<?, ?> bean) {
        if (register(name, bean)) {
            fixed.add(name);
        }
    }

    /** Shows a cache, as soon as the client is shown. */
    void add(CacheEngine<?, ?> cache) {
        lock.lock();
        try {
            if (registered) {
                registerCache(cache);
            } else if (!closed && !cache.isClosed()) {
                early.add(cache);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Takes away what shows a cache that was closed. */
    void remove(CacheEngine<?, ?> cache) {
        lock.lock();
        try {
            early.remove(cache);
            ObjectName name = name("Cache", "client", clientName, "name", cache.name());
            if (caches.remove(name, cache)) {
                unregister(name);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Waits until everything is registered, and returns the client's name in JMX. */
    String await() {
        done.join();
        lock.lock();
        try {
            return clientName;
        } finally {
            lock.unlock();
        }
    }

    private CacheHealth healthNow() {
        CacheHealth health = client.health();
        followNodes(health);
        return health;
    }

    private TierHealth tierNow(String tier) {
        return healthNow().tiers().stream()
                .filter(t -> t.name().equals(tier))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("there is no tier " + tier + " any more"));
    }

    private NodeHealth nodeNow(String tier, String address) {
        return client.health().tiers().stream()
                .filter(t -> t.name().equals(tier))
                .flatMap(t -> t.store().nodes().stream())
                .filter(node -> node.address().equals(address))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException(address + " is not a node of " + tier + " any more"));
    }

    /** Makes the node beans those of the nodes there are. */
    private void followNodes(CacheHealth health) {
        lock.lock();
        try {
            if (registered) {
                health.tiers().forEach(this::followNodes);
            }
        } finally {
            lock.unlock();
        }
    }

    private void followNodes(TierHealth tier) {
        Set<ObjectName> known = nodes.computeIfAbsent(tier.name(), any -> new LinkedHashSet<>());
        Set<ObjectName> now = new LinkedHashSet<>();
        for (NodeHealth node : tier.store().nodes()) {
            String address = node.address();
            ObjectName name = nodeName(tier.name(), address);
            now.add(name);
            if (!known.contains(name)
                    && register(name, ManagedBeans.node(address, () -> nodeNow(tier.name(), address)))) {
                known.add(name);
            }
        }
        known.removeIf(name -> {
            boolean gone = !now.contains(name);
            if (gone) {
                unregister(name);
            }
            return gone;
        });
    }

    private ObjectName nodeName(String tier, String address) {
        // Always quoted: the colon would need it in most cases, and names should look alike.
        return objectName(DOMAIN + "type=Node,client=" + quoted(clientName) + ",tier=" + quoted(tier) + ",name="
                + ObjectName.quote(address));
    }

    private static ObjectName name(String type, String... keysAndValues) {
        StringBuilder name = new StringBuilder(DOMAIN).append("type=").append(type);
        for (int i = 0; i < keysAndValues.length; i += 2) {
            name.append(',').append(keysAndValues[i]).append('=').append(quoted(keysAndValues[i + 1]));
        }
        return objectName(name.toString());
    }

    private static String quoted(String value) {
        return value.matches("[A-Za-z0-9._-]+") ? value : ObjectName.quote(value);
    }

    private static ObjectName objectName(String name) {
        try {
            return new ObjectName(name);
        } catch (MalformedObjectNameException e) {
            throw new AssertionError("every value is quoted: " + name, e);
        }
    }

    private boolean register(ObjectName name, ManagedBean<?, ?> bean) {
        try {
            server.join().registerMBean(bean, name);
            return true;
        } catch (JMException | RuntimeException e) {
            LOG.warn("JMX does not take {}: {}", ForeignText.shown(name.toString()), ForeignText.shown(e.toString()));
            return false;
        }
    }

    private void unregister(ObjectName name) {
        try {
            server.join().unregisterMBean(name);
        } catch (InstanceNotFoundException e) {
            LOG.debug("someone else has taken {} away", name);
        } catch (JMException | RuntimeException e) {
            LOG.warn("JMX does not let {} go: {}", ForeignText.shown(name.toString()), ForeignText.shown(e.toString()));
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            registered = false;
            early.clear();
            nodes.values().forEach(names -> names.forEach(this::unregister));
            nodes.clear();
            List.copyOf(fixed).forEach(this::unregister);
            fixed.clear();
            caches.keySet().forEach(this::unregister);
            caches.clear();
        } finally {
            lock.unlock();
        }
    }
}
