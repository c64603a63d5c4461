package dev.holdfast.cache.testkit;

/**
 * The contract of {@link dev.holdfast.cache.spi.CacheStore} as tests: one behaviour each, named as a sentence. A store proves
 * that it is one by passing them:
 *
 * <pre>{@code
 * class MyStoreTest extends CacheStoreContract {
 *     protected CacheStore create(String keyPrefix) {
 *         return new MyStore(server.address(), keyPrefix);
 *     }
 * }
 * }</pre>
 *
 * <p>Besides {@link #create}, which must be given, a subclass may say more about its store: {@link #maxValueBytes},
 * {@link #maxKeysOfACall}, {@link #hasIncrementOnce}, {@link #readsItsOwnWrites}, {@link #waits}, {@link #hasViews}, {@link #secrets},
 * {@link #keyPrefix}, {@link #inVirtualThreads}. All tests together take some seconds on a store that
 * answers within a millisecond; none asserts how fast it is.
 *
 * <p>Times to live are real: tests of expiry use short ones and poll with a bound of {@value #PATIENCE_SECONDS} seconds.
 * A store whose clock is a fake must move it along by itself.
 *
 * <p>A store whose {@link dev.holdfast.cache.spi.CacheStore#callBound() callBound} is zero never waits, so it may answer a
 * thread that was interrupted before the call; any other must refuse it before it sends anything.
 */
public abstract class CacheStoreContract extends CacheStoreContractInterruptions {

    /** For subclasses. */
    protected CacheStoreContract() {}
}
