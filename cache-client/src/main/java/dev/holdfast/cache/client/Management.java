package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheHealth;
import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.TierHealth;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A client's MBeans: itself, its tiers, their nodes, its caches. One thread makes what is shown what is to be shown, and exists only while
 * there is something to do: the JVM's MBean server may take longer to start than the client, and stores that say their health and
 * whoever listens for MBeans are foreign code, which holds up no caller and no lock. Nodes come and go with a cluster's topology; their
 * beans follow when the client or a tier is looked at. A cache works without JMX too: what goes wrong here is logged and passed over.
 */
final class Management implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Management.class);
    private static final long CLOSING_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final CacheClient client;
    /** One look that waits is enough: it sees all that was wished before it begins. */
    private final ThreadPoolExecutor worker;

    // What is to be shown.
    private final Set<CacheEngine<?, ?>> opened = ConcurrentHashMap.newKeySet();
    private final Set<CacheEngine<?, ?>> gone = ConcurrentHashMap.newKeySet();
    /** The addresses of the nodes by tier, as last seen. */
    private volatile Map<String, Set<String>> nodes = Map.of();

    private volatile boolean closed;

    private final AtomicLong wished = new AtomicLong();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition granting = lock.newCondition();
    /** How many wishes were granted. Guarded by the lock. */
    private long granted;

    // What is shown; for whoever looks.
    private final ReentrantLock looking = new ReentrantLock();
    private final RegisteredBeans beans = new RegisteredBeans();
    private Map<String, Set<String>> nodesShown = Map.of();
    private @Nullable Supplier<MBeanServer> servers;
    private volatile String clientName;
    /** Whether anything may be shown already. */
    private volatile boolean begun;

    private boolean registered;
    private boolean refused;

    Management(CacheClient client, ThreadFactory threads) {
        this.client = client;
        this.clientName = client.name();
        this.worker = new ThreadPoolExecutor(
                1,
                1,
                1,
                TimeUnit.SECONDS,
                new ArrayBlockingQueue<>(1),
                threads,
                new ThreadPoolExecutor.DiscardPolicy());
        worker.allowCoreThreadTimeOut(true);
    }

    /** Begins to show; {@code found} finds the MBean server. */
    void start(Supplier<MBeanServer> found) {
        looking.lock();
        try {
            servers = found;
        } finally {
            looking.unlock();
        }
        boolean unused = wish();
    }

    /** Shows a cache, as soon as the client is shown. */
    void add(CacheEngine<?, ?> cache) {
        if (!closed) {
            opened.add(cache);
            boolean unused = wish();
        }
    }

    /** Takes away what shows a cache that was closed. */
    void remove(CacheEngine<?, ?> cache) {
        if (!closed && !opened.remove(cache)) {
            gone.add(cache);
            boolean unused = wish();
        }
    }

    /** Lets the worker look. Returns whether it will; without a thread for it the next wish tries again. */
    private boolean wish() {
        wished.incrementAndGet();
        try {
            worker.execute(this::look);
            return true;
        } catch (Throwable e) {
            UnderWay.said("no thread for JMX; the cache client " + client.name() + " works without", e);
            return false;
        }
    }

    private void look() {
        long until = wished.get();
        looking.lock();
        try {
            if (closed) {
                beans.all().keySet().forEach(beans::hide);
            } else if (!refused) {
                show();
            }
        } catch (Throwable e) {
            if (!closed) {
                UnderWay.said(
                        "JMX does not show all of the cache client " + client.name() + ", which works without", e);
            }
        } finally {
            looking.unlock();
            granted(until);
        }
    }

    private void granted(long until) {
        lock.lock();
        try {
            granted = Math.max(granted, until);
            granting.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Waits until all is shown that is to be, and returns the client's name in JMX. */
    String await() {
        boolean unused = await(Long.MAX_VALUE);
        return clientName;
    }

    /** Waits for what was wished so far, whoever interrupts. Returns whether it was granted. */
    private boolean await(long nanos) {
        long until = wished.get();
        long left = nanos;
        boolean interrupted = false;
        lock.lock();
        try {
            while (granted < until && left > 0) {
                try {
                    left = granting.awaitNanos(left);
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            return granted >= until;
        } finally {
            lock.unlock();
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void show() {
        beans.findServer(Objects.requireNonNull(servers, "not started"));
        begun = true;
        if (closed) {
            return; // while the MBean server started
        }
        if (!registered) {
            String name = beans.showClient(client, ManagedBeans.client(client, this::healthNow));
            registered = name != null;
            refused = !registered;
            if (name == null) {
                return;
            }
            clientName = name;
            CacheHealth health = client.health();
            health.tiers().forEach(tier -> showTier(tier.name()));
            nodes = addresses(health);
        }
        Map<String, Set<String>> seen = nodes;
        if (seen != nodesShown) {
            nodesShown = seen;
            showNodes();
        }
        gone.forEach(this::hideCache);
        // One that is closed before it is taken out of there is none of ours any more.
        opened.forEach(cache -> {
            if (opened.remove(cache)) {
                showCache(cache);
            }
        });
    }

    private void showTier(String tier) {
        beans.show(
                RegisteredBeans.name("Tier", "client", clientName, "name", tier),
                tier,
                ManagedBeans.tier(tier, () -> tierNow(tier)));
    }

    private void showCache(CacheEngine<?, ?> cache) {
        ObjectName name = nameOf(cache);
        if (cache.isClosed()) {
            return;
        }
        // A predecessor was closed and is about to be hidden.
        if (beans.of(name) != null) {
            beans.hide(name);
        }
        beans.show(name, cache, ManagedBeans.cache(cache));
    }

    private void hideCache(CacheEngine<?, ?> cache) {
        gone.remove(cache);
        ObjectName name = nameOf(cache);
        if (beans.of(name) == cache) {
            beans.hide(name);
        }
    }

    private ObjectName nameOf(CacheEngine<?, ?> cache) {
        return RegisteredBeans.name("Cache", "client", clientName, "name", cache.name());
    }

    /** Makes the node beans those of the nodes there are. */
    private void showNodes() {
        Map<ObjectName, Runnable> wanted = new LinkedHashMap<>();
        nodesShown.forEach((tier, addresses) -> addresses.forEach(address -> {
            ObjectName name = RegisteredBeans.nodeName(clientName, tier, address);
            wanted.put(
                    name,
                    () -> beans.show(name, NodeHealth.class, ManagedBeans.node(address, () -> nodeNow(tier, address))));
        }));
        beans.all().forEach((name, what) -> {
            if (what == NodeHealth.class && !wanted.containsKey(name)) {
                beans.hide(name);
            }
        });
        wanted.forEach((name, show) -> {
            if (beans.of(name) == null) {
                show.run();
            }
        });
    }

    private static Map<String, Set<String>> addresses(CacheHealth health) {
        Map<String, Set<String>> addresses = new HashMap<>();
        for (TierHealth tier : health.tiers()) {
            Set<String> ofTier = addresses.computeIfAbsent(tier.name(), any -> new HashSet<>());
            tier.store().nodes().forEach(node -> ofTier.add(node.address()));
        }
        return addresses;
    }

    private CacheHealth healthNow() {
        CacheHealth health = client.health();
        Map<String, Set<String>> now = addresses(health);
        if (!now.equals(nodes)) {
            nodes = now;
            boolean unused = wish();
        }
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

    /** Takes away what is shown. Waits for that a second at most: beyond it, whoever is in the way lets it go when they return. */
    @Override
    public void close() {
        closed = true;
        opened.clear();
        gone.clear();
        if (!wish()) {
            look();
        }
        if (begun && !await(CLOSING_NANOS)) {
            LOG.warn(
                    "JMX, or a store that says its health, holds up {} for more than a second; what shows it is taken away"
                            + " later",
                    client.name());
        }
        worker.shutdown();
    }
}
