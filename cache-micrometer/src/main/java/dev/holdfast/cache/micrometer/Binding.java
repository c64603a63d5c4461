package dev.holdfast.cache.micrometer;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheEvent.FailedOver;
import dev.holdfast.cache.CacheHealth;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.client.CacheFigures;
import dev.holdfast.cache.client.ClientListener;
import dev.holdfast.cache.spi.CallObserver;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** The meters of one client in one registry. They go with the client. */
final class Binding implements ClientListener, CallObserver, AutoCloseable {
    private static final String MANAGER = "cache.manager";
    private static final String STATUS = "holdfast.client.status";
    private static final String CLIENT = "client";

    private final MeterSet ours;
    private final MeterSet conventional;
    private final NodeMeters nodes;
    private final CommandMeters commands;
    private final HealthView view;
    private final List<Runnable> ends = new CopyOnWriteArrayList<>();
    private final ReentrantLock lock = new ReentrantLock();
    /** By name. Guarded by the lock. */
    private final Map<String, CacheMeters> caches = new HashMap<>();

    private boolean closed;

    private Binding(CacheClient client, Tags tags, MeterRegistry registry, String name) {
        String manager = tags.stream()
                .filter(tag -> tag.getKey().equals(MANAGER))
                .map(Tag::getValue)
                .findFirst()
                .orElse(name);
        Tags own = Tags.of(
                tags.stream().filter(tag -> !tag.getKey().equals(MANAGER)).toList());
        this.conventional = new MeterSet(registry, Tags.of(MANAGER, manager));
        this.ours = new MeterSet(registry, own.and(CLIENT, name));
        this.commands = new CommandMeters(ours);
        this.nodes = new NodeMeters(ours, commands);
        this.view = new HealthView(client::health, System::nanoTime, this::looked);
    }

    private void begin(CacheClient client) {
        CacheHealth health = client.health();
        List<TierHealth> tiers = health.tiers();
        List<String> names = tiers.stream().map(TierHealth::name).toList();
        TierMeters.register(ours, view, names);
        boolean memoryIsLast = !tiers.get(tiers.size() - 1).store().distributed();
        FailoverMeters failovers = new FailoverMeters(ours, names, memoryIsLast);
        ends.add(client.on(FailedOver.class, failovers::count));
        ends.add(client.observeCommands(commands));
        ends.add(client.observeLoads(this));
        ends.add(client.addListener(this));
        looked(health);
        if (!client.isAlive()) {
            close(); // it may have closed between two of these
        }
    }

    /** Registers them, under a name that no other client in the registry has. */
    static Binding of(CacheClient client, Tags tags, MeterRegistry registry) {
        synchronized (registry) {
            String name = client.name();
            for (int i = 2; isTaken(registry, name); i++) {
                name = client.name() + '-' + i;
            }
            Binding binding = new Binding(client, tags, registry, name);
            try {
                binding.begin(client);
                return binding;
            } catch (Throwable e) {
                binding.closeAfter(e);
                throw e;
            }
        }
    }

    private static boolean isTaken(MeterRegistry registry, String name) {
        return registry.find(STATUS).tag(CLIENT, name).meter() != null;
    }

    private void looked(CacheHealth health) {
        nodes.follow(health, view);
    }

    @Override
    public void cacheOpened(Cache<?, ?> cache, CacheFigures figures) {
        String name = cache.name();
        lock.lock();
        try {
            CacheMeters present = caches.get(name);
            if (closed || (present != null && present.areOf(cache))) {
                return;
            }
            if (present != null) {
                present.close();
            }
            caches.put(
                    name,
                    new CacheMeters(
                            cache, figures, conventional.with("cache", name, "name", name), ours.with("cache", name)));
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void cacheClosed(Cache<?, ?> cache) {
        lock.lock();
        try {
            CacheMeters present = caches.get(cache.name());
            if (present != null && present.areOf(cache)) {
                caches.remove(cache.name());
                present.close();
            }
        } finally {
            lock.unlock();
        }
    }

    /** A load begins. */
    @Override
    public Ended began(String name, String place) {
        CacheMeters cache = of(place);
        long start = System.nanoTime();
        return cache == null
                ? UNOBSERVED
                : failure -> cache.loadEnded(Duration.ofNanos(System.nanoTime() - start), failure == null);
    }

    private @Nullable CacheMeters of(String cache) {
        lock.lock();
        try {
            return caches.get(cache);
        } finally {
            lock.unlock();
        }
    }

    /** Closes it after a failure, which is to be thrown whatever the closing throws. */
    private void closeAfter(Throwable failure) {
        try {
            close();
        } catch (Throwable another) {
            if (another != failure) {
                failure.addSuppressed(another);
            }
        }
    }

    @Override
    public void clientClosed() {
        close();
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            caches.values().forEach(CacheMeters::close);
            caches.clear();
        } finally {
            lock.unlock();
        }
        ends.forEach(Runnable::run);
        ours.close();
        nodes.close();
    }
}
