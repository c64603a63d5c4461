package dev.holdfast.cache.single;

/** The contract in virtual threads, where the JVM has them. */
class SingleStoreVirtualContractTest extends SingleStoreContractTest {
    @Override
    protected boolean inVirtualThreads() {
        return true;
    }
}
