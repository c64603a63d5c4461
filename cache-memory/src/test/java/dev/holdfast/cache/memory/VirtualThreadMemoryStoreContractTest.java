package dev.holdfast.cache.memory;

import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.CacheStoreContract;

/** Each test in a virtual thread, where the JVM has them. */
class VirtualThreadMemoryStoreContractTest extends CacheStoreContract {
    @Override
    protected boolean waits() {
        return false;
    }

    @Override
    protected CacheStore create(String keyPrefix) {
        return MemoryStore.builder().keyPrefix(keyPrefix).build();
    }

    @Override
    protected boolean inVirtualThreads() {
        return true;
    }
}
