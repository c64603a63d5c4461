package dev.holdfast.cache.memory;

import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.CacheStoreContract;

class MemoryStoreContractTest extends CacheStoreContract {
    @Override
    protected boolean waits() {
        return false;
    }

    @Override
    protected CacheStore create(String keyPrefix) {
        return MemoryStore.builder().keyPrefix(keyPrefix).build();
    }
}
