COPY `User` (`name`,`age`,`h`,`ok`,`born`,`ts`,`tz`,`iv`,`tags`,`nums`,`b`,`u`,`st`,`m`,`nested`,`d`,`ar`) FROM "User.csv" (parallel=true);
COPY `City` (`id`,`name`) FROM "City.csv" (parallel=true);
COPY `Follows` (`since`,`note`) FROM "Follows_User_User.csv" (to='User', from='User', parallel=true);
COPY `LivesIn` (`since`) FROM "LivesIn_User_City.csv" (to='City', from='User', parallel=true);
COPY `LivesIn` (`since`) FROM "LivesIn_City_City.csv" (to='City', from='City', parallel=true);
